//! The processes of a schedule: at every place one, which is replaced some time after its death or its stop.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use crate::process::Process;
use crate::stage::Stage;

pub(crate) struct Crew {
    pub(crate) stage: Arc<Stage>,
    places: Mutex<Vec<Arc<Process>>>,
    started: Mutex<usize>,
}

impl Crew {
    pub(crate) fn start(stage: &Arc<Stage>) -> Arc<Self> {
        let places = {
            let mut inner = stage.lock();
            if inner.embedded { 1 } else { inner.dice.index(3) + 1 }
        };
        let crew = Arc::new(Self {
            stage: Arc::clone(stage),
            places: Mutex::new(Vec::new()),
            started: Mutex::new(0),
        });
        for _ in 0..places {
            let process = crew.another();
            crew.places.lock().unwrap().push(process);
        }
        tokio::spawn(Arc::clone(&crew).replace());
        crew
    }

    fn another(&self) -> Arc<Process> {
        let mut started = self.started.lock().unwrap();
        *started += 1;
        Process::start(&self.stage, *started)
    }

    /// As an operator's supervisor does.
    async fn replace(self: Arc<Self>) {
        loop {
            let pause = self.stage.lock().dice.moment(200, 3_000);
            sleep(pause).await;
            let places = self.places.lock().unwrap().len();
            for place in 0..places {
                let is_dead = self.places.lock().unwrap()[place].is_dead();
                if is_dead {
                    let process = self.another();
                    self.places.lock().unwrap()[place] = process;
                }
            }
        }
    }

    /// One of the processes, dead or alive.
    pub(crate) fn any(&self) -> Arc<Process> {
        let places = self.places.lock().unwrap();
        let place = self.stage.lock().dice.index(places.len());
        Arc::clone(&places[place])
    }

    /// Every trouble that passes is over soon.
    pub(crate) fn calm(&self) {
        let mut inner = self.stage.lock();
        inner.calm = true;
        inner.silent_until = 0;
        inner.note(|| "no new trouble from here on".to_owned());
        drop(inner);
        self.places.lock().unwrap().iter().for_each(|process| process.thaw());
    }

    /// Tells some process of an import, or several, or none.
    pub(crate) async fn announce(&self, id: i64) {
        let rings = *self.stage.lock().dice.pick(&[0, 1, 1, 1, 2, 3]);
        for _ in 0..rings {
            self.any().ring(worker::import::ImportId(id));
            let pause = *self.stage.lock().dice.pick(&[0, 0, 5, 300]);
            sleep(Duration::from_millis(pause)).await;
        }
    }
}
