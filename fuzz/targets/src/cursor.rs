//! Cursors: one that was signed here opens for its organization, list and secret alone; nothing made up opens.

use longshore::secrets::Secrets;
use worker::import::OrgId;

use crate::cuts::Cuts;

/// Eight bytes of organization, eight of position, then the name of a list, which is also taken for a cursor.
pub fn cursor(data: &[u8]) {
    let Some((numbers, list)) = data.split_first_chunk::<16>() else {
        return;
    };
    let (org, position) = numbers.split_at(8);
    let number = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().unwrap());
    let (org, position) = (OrgId(number(org)), number(position));
    let list = String::from_utf8_lossy(list);
    let secrets = Secrets::new(numbers);

    let cursor = secrets.sign_cursor(org, &list, position);
    assert_eq!(secrets.open_cursor(org, &list, &cursor), Some(position));
    assert_eq!(secrets.open_cursor(OrgId(org.0 ^ 1), &list, &cursor), None);
    assert_eq!(secrets.open_cursor(org, &format!("{list}x"), &cursor), None);
    assert_eq!(
        Secrets::new(data).open_cursor(org, &list, &cursor),
        None.or((data == numbers).then_some(position))
    );

    let made_up = secrets.open_cursor(org, &list, &list);
    assert!(made_up.is_none(), "{list:?} opens as {made_up:?}");
    let mut cuts = Cuts::of(data);
    let mut forged = cursor.clone().into_bytes();
    let place = cuts.below(forged.len());
    forged[place] = b' ' + u8::try_from(cuts.below(95)).unwrap();
    let forged = String::from_utf8(forged).unwrap();
    let expected = (forged == cursor).then_some(position);
    assert_eq!(
        secrets.open_cursor(org, &list, &forged),
        expected,
        "{forged:?} for {cursor:?}"
    );
    for other in [
        &cursor[..cuts.below(cursor.len())],
        &format!("{cursor}="),
        &format!("{cursor}A"),
    ] {
        assert_eq!(secrets.open_cursor(org, &list, other), None, "{other:?}");
    }
}
