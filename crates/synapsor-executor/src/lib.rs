//! How is an approved job carried out?
