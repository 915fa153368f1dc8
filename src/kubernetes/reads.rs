//! Reads joined. The first few of a kind and namespace are GETs; after that one LIST serves everybody for a while. Joining
//! only *concurrent* reads would not do: core runs ten calls at a time, so a thousand services would be a hundred LISTs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value as Json;
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    object::{Key, Kind},
    query::{Query, QueryResult},
};

const SINGLE_READS: u32 = 8;
const FRESH_FOR: Duration = Duration::from_secs(10);

type Place = (&'static str, Option<String>);
/// All objects of one kind in one namespace, or in all.
pub type Snapshot = Arc<BTreeMap<Key, Arc<Json>>>;

/// What a LIST gave.
#[derive(Clone, Debug)]
pub enum Listed {
    /// Everything.
    All(Snapshot),
    /// The kind isn't served: there are none.
    NotServed,
    /// We may not list.
    Forbidden,
    /// There are too many to read for a few.
    TooMany,
}

/// A LIST that many wait for.
pub type Shared = Arc<OnceCell<Listed>>;

/// The answer to a question that many ask.
pub type Asked = Arc<OnceCell<QueryResult>>;

/// How new an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Some seconds old will do: refresh and plan.
    Recent,
    /// As of now: before a write.
    Now,
}

/// What has been read of late.
#[derive(Debug, Default)]
pub struct Reads {
    places: Mutex<HashMap<Place, Entry>>,
    looks: Mutex<BTreeMap<Query, (Instant, Asked)>>,
}

#[derive(Debug, Default)]
struct Entry {
    singles: u32,
    list: Option<List>,
}

#[derive(Debug)]
struct List {
    at: Instant,
    cell: Shared,
    /// Written by us since: asked for one by one.
    written: BTreeSet<String>,
}

impl Reads {
    /// The LIST that answers for `key`, made by whoever asks first; `None`: it is to be asked for alone. A LIST is whole (no
    /// selector), so absence in it is a fact; one that failed isn't kept, and the next caller makes it anew.
    pub fn shared(&self, key: &Key, freshness: Freshness) -> Option<Shared> {
        if freshness == Freshness::Now {
            return None;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = places.entry(Self::place(key)).or_default();
        entry.singles += 1;
        if entry.singles <= SINGLE_READS && !entry.is_fresh() {
            return None;
        }
        let list = entry.list();
        (!list.written.contains(&key.name)).then(|| list.cell.clone())
    }

    /// The LIST of a kind in a namespace, or in all. What we wrote since it was made may be missing in it.
    pub fn list(&self, kind: &'static Kind, namespace: Option<&str>) -> Shared {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry((kind.plural, namespace.map(str::to_owned))).or_default().list().cell.clone()
    }

    /// The answer to `query`, found by whoever asks first. That there is none is an answer, too: whoever asks next gets no
    /// better one.
    pub fn look(&self, query: &Query) -> Asked {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let look = looks.entry(query.clone()).or_insert_with(|| (Instant::now(), Arc::default()));
        if look.0.elapsed() > FRESH_FOR {
            *look = (Instant::now(), Arc::default());
        }
        look.1.clone()
    }

    /// After a write: this object is asked for anew.
    pub fn forget(&self, key: &Key) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = places.get_mut(&Self::place(key)).and_then(|entry| entry.list.as_mut()) {
            list.written.insert(key.name.clone());
        }
    }

    fn place(key: &Key) -> Place {
        (key.kind.plural, key.namespace.clone())
    }
}

impl Entry {
    fn is_fresh(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.at.elapsed() <= FRESH_FOR)
    }

    /// The one that is fresh, or a new one.
    fn list(&mut self) -> &List {
        if !self.is_fresh() {
            self.list = None;
        }
        self.list.get_or_insert_with(|| List { at: Instant::now(), cell: Arc::default(), written: BTreeSet::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;
    use crate::{object::kind::VIRTUAL_SERVICE, query::QueryError};

    struct Server {
        gets: AtomicU32,
        lists: AtomicU32,
        all: Listed,
    }

    impl Server {
        fn new(listable: bool) -> Self {
            let all = (0..1000).map(|n| (Key::new(&VIRTUAL_SERVICE, "pci", &n.to_string()), Arc::new(Json::Null)));
            let all = if listable { Listed::All(Arc::new(all.collect())) } else { Listed::Forbidden };
            Self { gets: AtomicU32::new(0), lists: AtomicU32::new(0), all }
        }
        async fn read(&self, reads: &Reads, name: &str) -> bool {
            let key = Key::new(&VIRTUAL_SERVICE, "pci", name);
            if let Some(cell) = reads.shared(&key, Freshness::Recent) {
                let list = cell.get_or_init(async || {
                    self.lists.fetch_add(1, Relaxed);
                    self.all.clone()
                });
                if let Listed::All(all) = list.await {
                    return all.contains_key(&key);
                }
            }
            self.gets.fetch_add(1, Relaxed);
            true
        }
        fn asked(&self) -> (u32, u32) {
            (self.gets.load(Relaxed), self.lists.load(Relaxed))
        }
    }

    #[tokio::test]
    async fn a_thousand_reads_are_nine_requests() {
        let (reads, server) = (Reads::default(), Server::new(true));
        for n in 0..1000 {
            assert!(server.read(&reads, &n.to_string()).await);
        }
        assert!(!server.read(&reads, "absent").await, "absence in a whole LIST is a fact");
        assert_eq!(server.asked(), (8, 1));
    }

    #[tokio::test]
    async fn what_we_wrote_is_asked_for_anew_and_the_rest_stays() {
        let (reads, server) = (Reads::default(), Server::new(true));
        for n in 0..20 {
            server.read(&reads, &n.to_string()).await;
        }
        reads.forget(&Key::new(&VIRTUAL_SERVICE, "pci", "5"));
        server.read(&reads, "5").await;
        server.read(&reads, "6").await;
        assert_eq!(server.asked(), (9, 1));
    }

    #[tokio::test]
    async fn who_may_not_list_gets_one_by_one() {
        let (reads, server) = (Reads::default(), Server::new(false));
        for n in 0..20 {
            assert!(server.read(&reads, &n.to_string()).await);
        }
        assert_eq!(server.asked(), (20, 1));
    }

    #[tokio::test]
    async fn a_list_that_was_made_for_a_look_spares_reads() {
        let (reads, server) = (Reads::default(), Server::new(true));
        reads.list(&VIRTUAL_SERVICE, Some("pci")).set(server.all.clone()).expect("it is new");
        assert!(server.read(&reads, "7").await);
        assert_eq!(server.asked(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_ask_is_asked_once_while_it_is_fresh() {
        let reads = Reads::default();
        let query = Query::list(&VIRTUAL_SERVICE, "pci");
        let asked = AtomicU32::new(0);
        for passes in [1, 1, 12] {
            tokio::time::advance(Duration::from_secs(passes)).await;
            let answer = reads.look(&query);
            let answer = answer.get_or_init(async || {
                asked.fetch_add(1, Relaxed);
                Err(QueryError::Forbidden)
            });
            assert_eq!(answer.await, &Err(QueryError::Forbidden));
        }
        assert_eq!(asked.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_grows_old() {
        let (reads, server) = (Reads::default(), Server::new(true));
        for n in 0..10 {
            server.read(&reads, &n.to_string()).await;
        }
        tokio::time::advance(FRESH_FOR + Duration::from_secs(1)).await;
        server.read(&reads, "1").await;
        assert_eq!(server.asked(), (8, 2));
    }
}
