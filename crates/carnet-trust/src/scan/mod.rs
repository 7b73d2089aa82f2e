//! Which policies trust more than they need to?
