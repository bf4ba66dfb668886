//! The hostile-input catalogue, entry by entry: what is sent, and the answer that it must get.
