//! x
#[test] fn x(){}
