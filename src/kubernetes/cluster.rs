//! Reads of a cluster: GET, LIST, and queries that share their answers.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, value::RawValue};
use tokio::sync::OnceCell;

use super::{
    api_client::ApiClient,
    api_path::Collection,
    api_request::ApiRequest,
    connection::Connection,
    deadline::Deadline,
    error::Error,
    listed_object::ListedObject,
    pager::Pager,
    queried_object::prune,
    read_cache::{CachedList, Freshness, ListResult, QueriedObjects, ReadCache},
    retry,
};
use crate::{
    json_path::text,
    known::Known,
    object::{Key, Kind, kind},
    query::{self, Query, QueryError},
};

/// Objects that a LIST may have before single objects are read by GET instead.
const MAX_LISTED_OBJECTS: usize = 5000;

/// A Kubernetes cluster, to which the provider connects on the first request.
pub struct Cluster {
    pub(super) api: ApiClient,
    pub(super) cache: ReadCache,
    uid: OnceCell<Option<String>>,
}

impl Cluster {
    /// A cluster that isn't connected yet. `connection` is unknown while arguments of the provider block come from resources
    /// that aren't applied yet; all requests fail then.
    pub fn new(connection: Known<Connection>) -> Self {
        Self { api: ApiClient::new(connection), cache: ReadCache::default(), uid: OnceCell::new() }
    }

    /// Whether the connection is unknown until apply.
    pub fn is_unknown(&self) -> bool {
        self.api.is_unknown()
    }

    /// Reads an object. Returns `None` if the object, its namespace or its kind doesn't exist.
    pub async fn get(&self, key: &Key, freshness: Freshness, deadline: &Deadline) -> Result<Option<Arc<Json>>, Error> {
        if let Some(list) = self.cache.list_covering(key, freshness) {
            match self.list_result(&list, &Collection::of(key), deadline).await? {
                ListResult::Complete(objects) => {
                    return objects.get(key).map(|object| object.parse().map(Arc::new)).transpose();
                }
                ListResult::NotServed => return Ok(None),
                ListResult::Forbidden | ListResult::TooMany => {}
            }
        }
        match self.api.send(&ApiRequest::get(key), deadline).await {
            Ok(response) => Ok(Some(Arc::new(response.json()?))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the result of a LIST answers a read of the object that may be recent.
    pub fn has_listed(&self, key: &Key) -> bool {
        self.cache.has_listed(key)
    }

    /// Lists the objects of a kind in a namespace that match a label selector.
    pub async fn list(
        &self,
        kind: &'static Kind,
        namespace: &str,
        label_selector: &str,
        deadline: &Deadline,
    ) -> Result<Vec<Json>, Error> {
        let collection = Collection { kind, namespace: Some(namespace.to_owned()) };
        let pager = Pager::new(collection.path()).with_label(label_selector);
        let parse = |object: &RawValue| serde_json::from_str(object.get()).ok();
        match pager.read_all(usize::MAX, parse, &self.api, deadline).await {
            Ok(objects) => Ok(objects.unwrap_or_default()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The objects of a kind in a namespace whose annotations name `resource` or `instance`, with their uids, by a LIST that may
    /// be some seconds old. None where the LIST is forbidden or too long.
    pub async fn objects_of_resource(
        &self,
        (kind, namespace): (&'static Kind, &str),
        resource: &str,
        instance: &str,
        deadline: &Deadline,
    ) -> Result<Vec<(Key, String)>, Error> {
        let collection = Collection { kind, namespace: Some(namespace.to_owned()) };
        let list = self.cache.list(collection.clone());
        let ListResult::Complete(objects) = self.list_result(&list, &collection, deadline).await? else {
            return Ok(Vec::new());
        };
        let own = objects.iter().filter(|(_, object)| object.is_of(resource, instance));
        let with_uid = |(key, object): (&Key, &ListedObject)| {
            let uid = text(&object.parse()?, &["metadata", "uid"]).unwrap_or_default().to_owned();
            Ok((key.clone(), uid))
        };
        own.map(with_uid).collect()
    }

    /// Answers a query of a live check. The answer is cached for some seconds and shared by all callers; what this process has
    /// written since is in it.
    pub async fn query(&self, query: &Query, deadline: &Deadline) -> query::QueryResult {
        match query {
            Query::List { kind, namespace } => {
                let collection = Collection { kind, namespace: namespace.clone() };
                let list = self.cache.queried_list(collection.clone());
                let answer = list.answer.get_or_init(|| self.query_list(&list, &collection, deadline)).await;
                answer.as_ref().map(|objects| list.with_written(objects)).map_err(Clone::clone)
            }
            Query::Get(key) => self.cache.answer(key).get_or_init(|| self.query_object(key, deadline)).await.clone(),
            Query::Document(path) => self.query_document(path, deadline).await,
        }
    }

    async fn query_document(&self, path: &str, deadline: &Deadline) -> query::QueryResult {
        let document = match self.api.send(&ApiRequest::document(path), deadline).await {
            Ok(response) => response.json(),
            Err(error) if error.is_forbidden() => return Err(QueryError::Forbidden),
            Err(error) if error.is_not_found() => return Err(QueryError::NotServed),
            Err(error) => Err(error),
        };
        document.map(|document| vec![Arc::new(document)]).map_err(|error| QueryError::Failed(error.to_string()))
    }

    async fn query_list(
        &self,
        list: &CachedList,
        collection: &Collection,
        deadline: &Deadline,
    ) -> Result<QueriedObjects, QueryError> {
        match self.list_result(list, collection, deadline).await {
            Ok(ListResult::Complete(objects)) => {
                let parse = |(key, object): (&Key, &ListedObject)| Ok((key.clone(), Arc::new(prune(object.parse()?))));
                let objects: Result<_, _> = objects.iter().map(parse).collect();
                objects.map(Mutex::new).map_err(|error: Error| QueryError::Failed(error.to_string()))
            }
            Ok(ListResult::NotServed) => Err(QueryError::NotServed),
            Ok(ListResult::Forbidden) => Err(QueryError::Forbidden),
            Ok(ListResult::TooMany) => Err(QueryError::TooMany),
            Err(error) => Err(QueryError::Failed(error.to_string())),
        }
    }

    async fn query_object(&self, key: &Key, deadline: &Deadline) -> query::QueryResult {
        match self.get(key, Freshness::Recent, deadline).await {
            Ok(live) => Ok(live.into_iter().collect()),
            Err(error) if error.is_forbidden() => Err(QueryError::Forbidden),
            Err(error) => Err(QueryError::Failed(error.to_string())),
        }
    }

    /// The result of a cached LIST. The first caller sends the request, and concurrent callers wait for its response.
    async fn list_result(
        &self,
        list: &CachedList,
        collection: &Collection,
        deadline: &Deadline,
    ) -> Result<ListResult, Error> {
        list.result.get_or_try_init(|| self.read_collection(collection, deadline)).await.cloned()
    }

    async fn read_collection(&self, collection: &Collection, deadline: &Deadline) -> Result<ListResult, Error> {
        let with_key = |object: &RawValue| ListedObject::read(collection.kind, object);
        let pager = Pager::new(collection.path());
        let objects = match pager.read_all(MAX_LISTED_OBJECTS, with_key, &self.api, deadline).await {
            Ok(Some(objects)) => objects,
            Ok(None) | Err(Error::ResponseTooLarge { .. }) => return Ok(ListResult::TooMany),
            Err(error) if error.is_forbidden() => return Ok(ListResult::Forbidden),
            Err(error) if error.is_not_found() => return Ok(ListResult::NotServed),
            Err(error) => return Err(error),
        };
        Ok(ListResult::Complete(Arc::new(objects.into_iter().collect())))
    }

    /// The uid of the namespace kube-system, which identifies the cluster. Returns `None` if the user may not read it.
    pub async fn uid(&self, deadline: &Deadline) -> Result<Option<&str>, Error> {
        Ok(self.uid.get_or_try_init(|| self.read_uid(deadline)).await?.as_deref())
    }

    async fn read_uid(&self, deadline: &Deadline) -> Result<Option<String>, Error> {
        // The time was spent in waiting for the request of another resource, which got no answer.
        if deadline.is_over() {
            return Err(retry::deadline_exceeded(None));
        }
        let kube_system = Key::cluster_scoped(&kind::NAMESPACE, "kube-system");
        match self.api.send(&ApiRequest::get(&kube_system), deadline).await {
            Ok(response) => Ok(text(&response.json()?, &["metadata", "uid"]).map(str::to_owned)),
            Err(error) if error.is_forbidden() || error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
