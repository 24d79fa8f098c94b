//! Objects that cannot be read: each is logged once, and not with every list.

use std::collections::BTreeMap;

use crate::key::Key;

/// So many are remembered, for each watch.
const MOST: usize = 1000;

/// What was logged about which object.
#[derive(Debug, Default)]
pub struct Complaints(BTreeMap<Key, String>);

impl Complaints {
    /// Whether this was not logged yet; from now on it was.
    pub fn is_new(&mut self, key: &Key, why: &str) -> bool {
        if self.0.get(key).is_some_and(|before| before == why) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key.clone(), why.to_owned());
        true
    }

    /// The object can be read, or is gone.
    pub fn settled(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::{Complaints, MOST};
    use crate::key::Key;

    #[test]
    fn an_object_is_complained_of_once_for_each_reason_until_it_can_be_read() {
        let mut complaints = Complaints::default();
        let key = |number: usize| Key::new(Some("shop"), &format!("w-{number}")).unwrap();
        assert!(complaints.is_new(&key(1), "no phase"));
        assert!(!complaints.is_new(&key(1), "no phase"));
        assert!(complaints.is_new(&key(2), "no phase"));
        assert!(complaints.is_new(&key(1), "no name"), "another reason");
        complaints.settled(&key(1));
        assert!(complaints.is_new(&key(1), "no name"));
        for number in 0..5000 {
            complaints.is_new(&key(number), "why");
        }
        assert!(complaints.0.len() <= MOST);
    }
}
