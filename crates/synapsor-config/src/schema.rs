//! What does the file look like to an editor?
