//! No number of the catalogue is left out.

use std::collections::BTreeSet;

use crate::{bodies, crowded, download, encoding, forms, framing, large, requests, rows, slow, structure, values};

#[test]
fn every_number_from_1_to_95_has_an_entry() {
    let tables = [
        encoding::numbers(),
        structure::numbers(),
        values::numbers(),
        rows::numbers(),
        forms::numbers(),
        framing::numbers(),
        slow::numbers(),
        crowded::numbers(),
        requests::numbers(),
        bodies::numbers(),
        download::numbers(),
        large::numbers(),
    ];
    let found: BTreeSet<u32> = tables.into_iter().flatten().collect();
    let missing: Vec<u32> = (1..=95).filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty(), "not there: {missing:?}");
}
