//! A cache of reads. The first two objects of a collection are read by GET; after those, one LIST of the whole collection
//! answers all reads for some seconds. Joining only concurrent reads would not be enough: Terraform refreshes ten resources at
//! a time, so a thousand services would make a hundred LISTs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::Value as Json;
use tokio::{sync::OnceCell, time::Instant};

use super::{api_path::Collection, listed_object::ListedObject, queried_object::prune};
use crate::{
    object::Key,
    query::{QueryError, QueryResult},
};

/// Objects of a collection that are read by GET before a LIST is worth it.
const GETS_BEFORE_LIST: usize = 2;

/// How long a LIST and the answer to a query are used.
const TIME_TO_LIVE: Duration = Duration::from_secs(10);

/// How recent the response to a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The response may be some seconds old and come from the cache: for refresh and plan, and for writes that the server
    /// refuses if the object has changed since.
    Recent,
    /// The response must come from the server now: for decisions that no precondition of a write protects.
    Now,
}

/// The result of a LIST of a whole collection.
#[derive(Clone, Debug)]
pub(super) enum ListResult {
    /// All objects of the collection. An object that isn't among them doesn't exist.
    Complete(Arc<BTreeMap<Key, ListedObject>>),
    /// The server doesn't serve the kind, so there are no objects of it.
    NotServed,
    /// The user has no right to list the collection.
    Forbidden,
    /// The collection is too large to be read for a few objects.
    TooMany,
}

/// A LIST that all readers of a collection share.
#[derive(Debug)]
pub(super) struct CachedList {
    created_at: Instant,
    /// The result. The first reader sends the request; one that failed leaves the cell empty, so that the next reader sends it
    /// again.
    pub(super) result: OnceCell<ListResult>,
    /// The objects as queries get them. An error is an answer, too: asking again within seconds would only repeat it.
    pub(super) answer: OnceCell<Result<QueriedObjects, QueryError>>,
    /// Whether a query has asked for the list, so that `unanswered` has to know what was written.
    is_queried: AtomicBool,
    /// The objects that the provider has written since, or writes now. They are read by GET.
    written: Mutex<BTreeSet<Key>>,
    /// The writes that `answer` doesn't have yet, in their order.
    unanswered: Mutex<Vec<WrittenObject>>,
}

/// The objects of a list as queries get them, with the writes that a query has put in.
pub(super) type QueriedObjects = Mutex<BTreeMap<Key, Arc<Json>>>;

/// An object after a write, `None` if it was deleted.
type WrittenObject = (Key, Option<Arc<Json>>);

/// The answer to a query of one object, shared by everyone who asks.
pub(super) type SharedAnswer = Arc<OnceCell<QueryResult>>;

/// The recent reads of one cluster.
#[derive(Debug, Default)]
pub(super) struct ReadCache {
    collections: Mutex<BTreeMap<Collection, CollectionReads>>,
    answers: Mutex<BTreeMap<Key, (Instant, SharedAnswer)>>,
}

/// The recent reads of one collection.
#[derive(Debug, Default)]
struct CollectionReads {
    /// Names of the objects that were read by GET, at most [`GETS_BEFORE_LIST`].
    read_alone: BTreeSet<String>,
    list: Option<Arc<CachedList>>,
    /// Whether a LIST had too many objects. The collection isn't listed again then, since it would only be too large again.
    is_too_large: bool,
}

impl ReadCache {
    /// The LIST that answers a read of the object `key`, or `None` if the read has to be a GET.
    pub(super) fn list_covering(&self, key: &Key, freshness: Freshness) -> Option<Arc<CachedList>> {
        if freshness == Freshness::Now {
            return None;
        }
        self.remove_expired();
        let mut collections = self.lock_collections();
        let reads = collections.entry(Collection::of(key)).or_default();
        if reads.is_too_large || !reads.has_fresh_list() && reads.is_read_alone(&key.name) {
            return None;
        }
        let list = reads.fresh_list();
        (!list.lock_written().contains(key)).then(|| list.clone())
    }

    /// Whether a LIST that was read answers a read of the object `key`.
    pub(super) fn has_listed(&self, key: &Key) -> bool {
        let collections = self.lock_collections();
        let list = collections.get(&Collection::of(key)).and_then(|reads| reads.list.as_ref());
        list.is_some_and(|list| list.result.initialized() && !list.lock_written().contains(key))
    }

    /// The LIST of a collection. It may lack what the provider has written since it was read.
    pub(super) fn list(&self, collection: Collection) -> Arc<CachedList> {
        self.remove_expired();
        self.lock_collections().entry(collection).or_default().fresh_list().clone()
    }

    /// The LIST of a collection for a query. One that no query has asked for yet lacks what was written since, so a new one
    /// takes its place.
    pub(super) fn queried_list(&self, collection: Collection) -> Arc<CachedList> {
        self.remove_expired();
        let mut collections = self.lock_collections();
        let reads = collections.entry(collection).or_default();
        if reads.list.as_ref().is_some_and(|list| list.lacks_written()) {
            reads.discard_list();
        }
        let list = reads.fresh_list();
        list.is_queried.store(true, Relaxed);
        list.clone()
    }

    /// The answer to a query of the object `key`, which the first caller fills in.
    pub(super) fn answer(&self, key: &Key) -> SharedAnswer {
        self.remove_expired();
        let mut answers = self.lock_answers();
        let (_, answer) = answers.entry(key.clone()).or_insert_with(|| (Instant::now(), SharedAnswer::default()));
        answer.clone()
    }

    /// Excludes an object from cached reads, because the provider writes it. A LIST that runs during the write may have the
    /// object as it was before, so the object stays excluded when the write has ended.
    pub(super) fn begin_write<'a>(&'a self, key: &'a Key) -> PendingWrite<'a> {
        self.lock_answers().remove(key);
        let mut collections = self.lock_collections();
        for list in lists_containing(&mut collections, key).filter_map(|reads| reads.list.as_ref()) {
            list.lock_written().insert(key.clone());
        }
        drop(collections);
        PendingWrite { cache: self, key, is_ended: false }
    }

    /// Frees the memory of what has expired.
    fn remove_expired(&self) {
        self.lock_answers().retain(|_, (created_at, _)| created_at.elapsed() <= TIME_TO_LIVE);
        for reads in self.lock_collections().values_mut() {
            reads.remove_expired_list();
        }
    }

    fn lock_answers(&self) -> MutexGuard<'_, BTreeMap<Key, (Instant, SharedAnswer)>> {
        lock(&self.answers)
    }

    fn lock_collections(&self) -> MutexGuard<'_, BTreeMap<Collection, CollectionReads>> {
        lock(&self.collections)
    }
}

/// The reads of the collections that the object is part of: that of its namespace, and that of all namespaces.
fn lists_containing<'a>(
    collections: &'a mut BTreeMap<Collection, CollectionReads>,
    key: &Key,
) -> impl Iterator<Item = &'a mut CollectionReads> {
    collections.iter_mut().filter_map(|(collection, reads)| collection.contains(key).then_some(reads))
}

/// A write of an object that is under way. Where it is dropped, it has failed, and the object may have changed all the same.
pub(super) struct PendingWrite<'a> {
    cache: &'a ReadCache,
    key: &'a Key,
    is_ended: bool,
}

impl PendingWrite<'_> {
    /// Ends a write that succeeded, with the object after it; `None` if the object was deleted.
    pub(super) fn succeed(mut self, object: Option<&Json>) {
        self.is_ended = true;
        self.cache.lock_answers().remove(self.key);
        let mut written = None;
        let mut collections = self.cache.lock_collections();
        for list in lists_containing(&mut collections, self.key).filter_map(|reads| reads.list.as_ref()) {
            list.lock_written().insert(self.key.clone());
            if list.is_queried.load(Relaxed) {
                let written = written.get_or_insert_with(|| object.map(|object| Arc::new(prune(object.clone()))));
                lock(&list.unanswered).push((self.key.clone(), written.clone()));
            }
        }
    }
}

impl Drop for PendingWrite<'_> {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        self.cache.lock_answers().remove(self.key);
        for reads in lists_containing(&mut self.cache.lock_collections(), self.key) {
            reads.discard_list();
        }
    }
}

impl CachedList {
    fn new(result: Option<ListResult>) -> Self {
        Self {
            created_at: Instant::now(),
            result: OnceCell::new_with(result),
            answer: OnceCell::new(),
            is_queried: AtomicBool::new(false),
            written: Mutex::default(),
            unanswered: Mutex::default(),
        }
    }

    /// The objects of the answer, with those that the provider has written since as they were written. A write is put into the
    /// answer once: to merge all writes into the result of each query would take time with the square of their number.
    pub(super) fn with_written(&self, answer: &QueriedObjects) -> Vec<Arc<Json>> {
        let mut objects = lock(answer);
        for (key, written) in lock(&self.unanswered).drain(..) {
            match written {
                Some(object) => drop(objects.insert(key, object)),
                None => drop(objects.remove(&key)),
            }
        }
        objects.values().cloned().collect()
    }

    /// Whether something was written that the list doesn't know.
    fn lacks_written(&self) -> bool {
        !self.is_queried.load(Relaxed) && !self.lock_written().is_empty()
    }

    fn is_fresh(&self) -> bool {
        self.created_at.elapsed() <= TIME_TO_LIVE
    }

    fn lock_written(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        lock(&self.written)
    }
}

impl CollectionReads {
    /// Whether the object is among the few that are read by GET.
    fn is_read_alone(&mut self, name: &str) -> bool {
        if self.read_alone.len() < GETS_BEFORE_LIST {
            self.read_alone.insert(name.to_owned());
        }
        self.read_alone.contains(name)
    }

    fn has_fresh_list(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.is_fresh())
    }

    fn remove_expired_list(&mut self) {
        if !self.has_fresh_list() {
            self.discard_list();
        }
    }

    fn discard_list(&mut self) {
        if let Some(expired) = self.list.take() {
            self.is_too_large |= matches!(expired.result.get(), Some(ListResult::TooMany));
        }
    }

    /// The cached LIST while it is fresh, or else a new one. The new one of a collection that is too large says so at once.
    fn fresh_list(&mut self) -> &Arc<CachedList> {
        self.remove_expired_list();
        let known_result = self.is_too_large.then_some(ListResult::TooMany);
        self.list.get_or_insert_with(|| Arc::new(CachedList::new(known_result)))
    }
}

/// Locks, whether or not a thread has panicked with the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use serde_json::{Value as Json, json, value::to_raw_value};

    use super::*;
    use crate::object::kind::VIRTUAL_SERVICE;

    /// A server that counts its requests.
    struct MockServer {
        gets: AtomicU32,
        lists: AtomicU32,
        list_result: ListResult,
    }

    impl MockServer {
        /// A server with a thousand objects.
        fn new() -> Self {
            let objects = (0..1000).map(|n| listed(&n.to_string()));
            Self::answering(ListResult::Complete(Arc::new(objects.collect())))
        }

        fn answering(list_result: ListResult) -> Self {
            Self { gets: AtomicU32::new(0), lists: AtomicU32::new(0), list_result }
        }

        /// Whether the object exists.
        async fn read(&self, cache: &ReadCache, name: &str) -> bool {
            if let Some(list) = cache.list_covering(&key(name), Freshness::Recent) {
                let result = list.result.get_or_init(async || {
                    self.lists.fetch_add(1, Relaxed);
                    self.list_result.clone()
                });
                if let ListResult::Complete(objects) = result.await {
                    return objects.contains_key(&key(name));
                }
            }
            self.gets.fetch_add(1, Relaxed);
            true
        }

        fn gets_and_lists(&self) -> (u32, u32) {
            (self.gets.load(Relaxed), self.lists.load(Relaxed))
        }
    }

    fn key(name: &str) -> Key {
        Key::new(&VIRTUAL_SERVICE, "pci", name)
    }

    fn listed(name: &str) -> (Key, ListedObject) {
        let object = json!({ "metadata": { "name": name, "namespace": "pci" } });
        ListedObject::read(&VIRTUAL_SERVICE, &to_raw_value(&object).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn thousand_reads_need_three_requests() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        for n in 0..1000 {
            assert!(server.read(&cache, &n.to_string()).await);
        }
        assert!(!server.read(&cache, "absent").await, "an object that isn't in a complete LIST doesn't exist");
        assert_eq!(server.gets_and_lists(), (2, 1));
    }

    #[tokio::test]
    async fn only_written_objects_are_read_again() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        for n in 0..20 {
            server.read(&cache, &n.to_string()).await;
        }
        cache.begin_write(&key("5")).succeed(Some(&Json::Null));
        server.read(&cache, "5").await;
        server.read(&cache, "6").await;
        assert_eq!(server.gets_and_lists(), (3, 1));
    }

    #[tokio::test]
    async fn without_the_right_to_list_all_reads_are_gets() {
        let (cache, server) = (ReadCache::default(), MockServer::answering(ListResult::Forbidden));
        for n in 0..20 {
            assert!(server.read(&cache, &n.to_string()).await);
        }
        assert_eq!(server.gets_and_lists(), (20, 1));
    }

    #[tokio::test]
    async fn list_of_a_query_answers_reads() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        cache
            .queried_list(Collection::of(&key("7")))
            .result
            .set(server.list_result.clone())
            .expect("the cell is empty");
        assert!(server.read(&cache, "7").await);
        assert_eq!(server.gets_and_lists(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_shared_until_they_expire() {
        let cache = ReadCache::default();
        let requests = AtomicU32::new(0);
        for seconds in [1, 1, 12] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let answer = cache.answer(&key("1"));
            let answer = answer.get_or_init(async || {
                requests.fetch_add(1, Relaxed);
                Err(QueryError::Forbidden)
            });
            assert_eq!(answer.await, &Err(QueryError::Forbidden));
        }
        assert_eq!(requests.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn expired_lists_and_answers_are_freed() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        for n in 0..10 {
            server.read(&cache, &n.to_string()).await;
        }
        let ListResult::Complete(objects) = &server.list_result else { panic!("a complete list") };
        let answer = cache.answer(&key("1"));
        let object = Arc::new(Json::Null);
        answer.set(Ok(vec![object.clone()])).expect("the cell is empty");
        drop(answer);
        assert_eq!((Arc::strong_count(objects), Arc::strong_count(&object)), (2, 2));
        tokio::time::advance(TIME_TO_LIVE + Duration::from_secs(1)).await;
        cache.list_covering(&Key::new(&VIRTUAL_SERVICE, "other", "x"), Freshness::Recent);
        assert_eq!((Arc::strong_count(objects), Arc::strong_count(&object)), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn collection_that_is_too_large_is_not_listed_again() {
        let (cache, server) = (ReadCache::default(), MockServer::answering(ListResult::TooMany));
        for n in 0..20 {
            assert!(server.read(&cache, &n.to_string()).await);
        }
        tokio::time::advance(TIME_TO_LIVE + Duration::from_secs(1)).await;
        for n in 0..20 {
            assert!(server.read(&cache, &n.to_string()).await);
        }
        assert_eq!(server.gets_and_lists(), (40, 1));
        let list = cache.queried_list(Collection::of(&key("1")));
        assert!(matches!(list.result.get(), Some(ListResult::TooMany)), "queries don't list it either");
    }

    #[tokio::test]
    async fn list_that_ran_during_a_write_does_not_answer_reads_of_the_object() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        for n in 0..2 {
            server.read(&cache, &n.to_string()).await;
        }
        let written = key("5");
        let write = cache.begin_write(&written);
        server.read(&cache, "6").await;
        let answer = cache.answer(&written);
        write.succeed(Some(&Json::Null));
        server.read(&cache, "5").await;
        assert_eq!(server.gets_and_lists(), (3, 1));
        assert!(!Arc::ptr_eq(&answer, &cache.answer(&written)), "the query is asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn expired_list_is_read_again() {
        let (cache, server) = (ReadCache::default(), MockServer::new());
        for n in 0..10 {
            server.read(&cache, &n.to_string()).await;
        }
        tokio::time::advance(TIME_TO_LIVE + Duration::from_secs(1)).await;
        server.read(&cache, "1").await;
        assert_eq!(server.gets_and_lists(), (3, 1), "an object that was read alone");
        server.read(&cache, "2").await;
        assert_eq!(server.gets_and_lists(), (3, 2));
    }
}
