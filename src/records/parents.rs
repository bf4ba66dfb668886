//! Whose child a user is to be: parents named by our number or by their key, looked up in batches before any row is written.
//! A parent is stored as `source/source_id`, and `/language` where it has one; `%` and `/` inside a part are escaped.

use std::collections::{HashMap, HashSet};

use worker::batch::Key;
use worker::import::OrgId;

use crate::app::App;
use crate::store::StoreError;
use crate::store::model::KnownUser;

/// Most generations above a user: beyond it somebody has made a mistake, and a check would not end.
const MAX_GENERATIONS: usize = 32;

/// How a request names a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// By our number.
    Id(i64),
    /// By its key.
    Key(Key),
}

/// A user that the request makes or changes, and whose child it is to be, if it says so.
#[derive(Clone, Debug)]
pub struct Child {
    /// Which user.
    pub key: Key,
    /// The parent it is to have; without one, whatever it has stays.
    pub parent: Option<Parent>,
}

/// Why a user cannot have the parent it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Orphan {
    /// There is no such user, and the request has not made it before.
    #[error("parent: unknown parent")]
    Unknown,
    /// It would be its own parent, or that of one of its parents.
    #[error("parent: a user cannot be its own parent or ancestor")]
    Cycle,
    /// The tree would be too deep.
    #[error("parent: more than 32 generations")]
    TooDeep,
}

/// What becomes of each child's parent: the text to store, nothing where it names none, or why not. Children come in the order
/// in which they are applied, so that one can be the parent of a later one; `None` stands for a record that fails by itself.
pub async fn resolve(
    app: &App,
    org: OrgId,
    children: &[Option<Child>],
) -> Result<Vec<Result<Option<String>, Orphan>>, StoreError> {
    let mut family = Family::default();
    if children.iter().flatten().any(|child| child.parent.is_some()) {
        family.load(app, org, children).await?;
    }
    Ok(children.iter().map(|child| family.place(child.as_ref())).collect())
}

/// The text under which a parent is stored.
fn name_of(key: &Key) -> String {
    let part = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    let language = match key.language() {
        "" => String::new(),
        language => format!("/{}", part(language)),
    };
    format!("{}/{}{language}", part(key.source()), part(key.source_id()))
}

/// The key that a stored text names; one that came by another way names nobody.
fn key_of(name: &str) -> Option<Key> {
    let part = |text: &str| Box::<str>::from(text.replace("%2F", "/").replace("%25", "%"));
    let mut parts = name.split('/').map(part);
    let key = Key::user(parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    parts.next().is_none().then_some(key)
}

/// What is known of the users that the request names as parents, and of those above them.
#[derive(Debug, Default)]
struct Family {
    by_id: HashMap<i64, Key>,
    /// Every user that exists, or will before the next child is looked at, with its parent.
    parent_of: HashMap<Key, Option<Key>>,
}

impl Family {
    /// Reads the parents named by the children, then theirs, generation by generation.
    async fn load(&mut self, app: &App, org: OrgId, children: &[Option<Child>]) -> Result<(), StoreError> {
        let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
        for parent in children.iter().flatten().filter_map(|child| child.parent.as_ref()) {
            match parent {
                Parent::Id(id) => drop(ids.insert(*id)),
                Parent::Key(key) => drop(keys.insert(key.clone())),
            }
        }
        let by_id = app.store.users_by_ids(org, ids.into_iter().collect()).await?;
        keys.extend(by_id.iter().map(|user| user.key.clone()));
        self.by_id = by_id.into_iter().map(|user| (user.id, user.key)).collect();
        let mut asked = HashSet::new();
        for _ in 0..=MAX_GENERATIONS {
            keys.retain(|key| asked.insert(key.clone()));
            if keys.is_empty() {
                break;
            }
            let generation = app.store.users_by_keys(org, keys.drain().collect()).await?;
            keys.extend(generation.into_iter().filter_map(|user| self.learn(user)));
        }
        Ok(())
    }

    /// Takes up a stored user; gives its parent.
    fn learn(&mut self, user: KnownUser) -> Option<Key> {
        let parent = user.parent.as_deref().and_then(key_of);
        self.parent_of.insert(user.key, parent.clone());
        parent
    }

    /// Gives one child its parent, as if those before it were applied.
    fn place(&mut self, child: Option<&Child>) -> Result<Option<String>, Orphan> {
        let Some(child) = child else { return Ok(None) };
        let Some(parent) = &child.parent else {
            self.parent_of.entry(child.key.clone()).or_default();
            return Ok(None);
        };
        let parent = match parent {
            Parent::Key(key) => Some(key),
            Parent::Id(id) => self.by_id.get(id),
        };
        let parent = parent.cloned().ok_or(Orphan::Unknown)?;
        self.check(&child.key, &parent)?;
        let name = name_of(&parent);
        self.parent_of.insert(child.key.clone(), Some(parent));
        Ok(Some(name))
    }

    fn check(&self, child: &Key, parent: &Key) -> Result<(), Orphan> {
        let mut above = Some(parent);
        for generation in 0..MAX_GENERATIONS {
            let Some(key) = above else { return Ok(()) };
            if key == child {
                return Err(Orphan::Cycle);
            }
            above = match self.parent_of.get(key) {
                Some(next) => next.as_ref(),
                None if generation == 0 => return Err(Orphan::Unknown),
                // A name of nobody, or of somebody removed since.
                None => None,
            };
        }
        above.map_or(Ok(()), |_| Err(Orphan::TooDeep))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn key(id: &str) -> Key {
        Key::user("crm", id, "")
    }

    /// A family of stored users: (id, parent's id or nothing).
    fn family(stored: &[(i64, i64)]) -> Family {
        let mut family = Family::default();
        for (id, parent) in stored {
            family.by_id.insert(*id, key(&id.to_string()));
            family.learn(KnownUser {
                id: *id,
                key: key(&id.to_string()),
                parent: (*parent > 0).then(|| name_of(&key(&parent.to_string()))),
                created_by_import: None,
            });
        }
        family
    }

    fn place(family: &mut Family, child: i64, parent: i64) -> Result<Option<String>, Orphan> {
        family.place(Some(&Child {
            key: key(&child.to_string()),
            parent: Some(Parent::Key(key(&parent.to_string()))),
        }))
    }

    #[test]
    fn names_are_read_back() {
        for (source, id, language, name) in [
            ("crm", "7", "", "crm/7"),
            ("crm", "7", "nl", "crm/7/nl"),
            ("a/b", "50%/2F", "", "a%2Fb/50%25%2F2F"),
        ] {
            let key = Key::user(source, id, language);
            assert_eq!(name_of(&key), name);
            assert_eq!(key_of(name), Some(key));
        }
        assert_eq!(key_of("Dr. Smith"), None);
        assert_eq!(key_of("a/b/c/d"), None);
    }

    #[test]
    fn a_parent_is_there_or_made_before() {
        let mut family = family(&[(1, 0)]);
        assert_eq!(place(&mut family, 2, 1), Ok(Some("crm/1".to_owned())));
        assert_eq!(
            place(&mut family, 3, 2),
            Ok(Some("crm/2".to_owned())),
            "made by the line above"
        );
        assert_eq!(place(&mut family, 4, 5), Err(Orphan::Unknown));
        assert_eq!(
            place(&mut family, 6, 4),
            Err(Orphan::Unknown),
            "a parent that fails is none"
        );
        assert_eq!(family.place(None), Ok(None));
        let by_id = |id| Child {
            key: key("9"),
            parent: Some(Parent::Id(id)),
        };
        assert_eq!(family.place(Some(&by_id(1))), Ok(Some("crm/1".to_owned())));
        assert_eq!(family.place(Some(&by_id(77))), Err(Orphan::Unknown));
    }

    #[test]
    fn nobody_is_above_itself() {
        let mut family = family(&[(1, 0), (2, 1), (3, 2)]);
        assert_eq!(place(&mut family, 1, 1), Err(Orphan::Cycle));
        assert_eq!(place(&mut family, 1, 3), Err(Orphan::Cycle));
        assert_eq!(
            place(&mut family, 8, 8),
            Err(Orphan::Cycle),
            "nor is one that does not exist yet"
        );
        assert!(place(&mut family, 3, 1).is_ok());
        assert!(place(&mut family, 2, 3).is_ok(), "3 is no longer below 2");
        assert_eq!(place(&mut family, 3, 2), Err(Orphan::Cycle));
    }

    #[test]
    fn a_tree_ends_somewhere() {
        let chain: Vec<(i64, i64)> = (1..=40).map(|id| (id, id - 1)).collect();
        let mut family = family(&chain);
        assert!(place(&mut family, 100, 20).is_ok());
        assert_eq!(place(&mut family, 100, 40), Err(Orphan::TooDeep));
        let circle = [(1, 2), (2, 1)];
        assert_eq!(place(&mut self::family(&circle), 3, 1), Err(Orphan::TooDeep));
        let gone = place(&mut self::family(&[(1, 99)]), 3, 1).unwrap();
        assert_eq!(gone.as_deref(), Some("crm/1"), "a parent that is gone ends the line");
    }
}
