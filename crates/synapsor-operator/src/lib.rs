//! What can a person, a policy or a worker do?
