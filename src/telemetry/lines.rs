//! One event, one line: the form for people writes a displayed value as it is, and a value may hold a line of somebody's making.

use std::io::{Result, Write};

/// Writes each event in one line, whatever is in it. An event comes by one call, with the end of its line.
pub(super) struct OneLine<W>(pub(super) W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        let mut shown = Vec::with_capacity(event.len());
        for byte in line {
            match byte {
                b'\n' => shown.extend(b"\\n"),
                b'\r' => shown.extend(b"\\r"),
                b'\t' => shown.push(b'\t'),
                byte if byte.is_ascii_control() => write!(shown, "\\x{byte:02x}")?,
                byte => shown.push(*byte),
            }
        }
        shown.push(b'\n');
        self.0.write_all(&shown)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_for_people_is_one_line_an_event() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || OneLine(writer.clone()))
            .finish();
        tracing::subscriber::with_default(log, || {
            let evil = "a\r\nforged \u{1b}[2J";
            tracing::info!(name = evil, shown = %evil, "an event");
            tracing::info!("another");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
        assert!(text.contains("shown=a\\r\\nforged "), "{text:?}");
    }
}
