//! The few requests that we make: GET, LIST, server-side apply, JSON patch, DELETE. Built and read by hand over kube's
//! client, since its typed calls throw the response's headers away (`Retry-After`, `Warning`) and lose a whole list over one
//! odd object.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value as Json, json};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    connection::Connection,
    errors::Error,
    reads::{Freshness, Listed, Reads, Shared},
    retry::{Deadline, FIRST_CONTACT_TIMEOUT, persist},
    session::{Session, Sessions},
};
use crate::{
    json_path::text,
    known::Known,
    object::{FIELD_MANAGER, Key, Kind},
    query::{self, Query, QueryError},
};

/// The form of what we write, and of what we read unless we ask for another.
const JSON: &str = "application/json";

/// Objects of one page of a LIST, and pages before we turn to GETs.
const PAGE: usize = 500;
const MOST_PAGES: usize = 10;

/// A cluster. Connects on first use.
pub struct Cluster {
    connection: Known<Connection>,
    sessions: Sessions,
    reads: Reads,
    identity: OnceCell<Option<String>>,
    /// The server has answered before, whatever it said.
    reached: AtomicBool,
    /// Why nobody waits for the server any more: one call has, long enough for a run.
    given_up: OnceLock<Error>,
}

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apply {
    /// Ask for the verdict alone.
    pub dry_run: bool,
    /// Take fields that others have.
    pub force: bool,
}

/// What the server made of a write.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object as it is now.
    pub object: Json,
    /// `Warning` headers: istiod's webhook, deprecations.
    pub warnings: Vec<String>,
}

struct Answer {
    body: Vec<u8>,
    warnings: Vec<String>,
}

impl Cluster {
    /// Not connected yet; `Err`: connection arguments come at apply.
    pub fn new(connection: Known<Connection>) -> Self {
        Self {
            connection,
            sessions: Sessions::default(),
            reads: Reads::default(),
            identity: OnceCell::new(),
            reached: AtomicBool::new(false),
            given_up: OnceLock::new(),
        }
    }

    /// The object, or `None` where there is none, nor its namespace or kind.
    pub async fn get(&self, key: &Key, freshness: Freshness, limits: &Deadline) -> Result<Option<Arc<Json>>, Error> {
        if let Some(shared) = self.reads.shared(key, freshness) {
            match self.listed(&shared, key.kind, key.namespace.as_deref(), limits).await? {
                Listed::All(all) => return Ok(all.get(key).cloned()),
                Listed::NotServed => return Ok(None),
                Listed::Forbidden | Listed::TooMany => {}
            }
        }
        match self.send(Method::GET, &path(key), None, limits).await {
            Ok(answer) => Ok(Some(Arc::new(parse(&answer.body)?))),
            Err(error) if error.not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind in a namespace that carry a label.
    pub async fn list(
        &self,
        kind: &'static Kind,
        namespace: &str,
        label: &str,
        limits: &Deadline,
    ) -> Result<Vec<Json>, Error> {
        let selector = format!("&labelSelector={}", encode(label));
        match self.pages(kind, Some(namespace), &selector, usize::MAX, limits).await {
            Ok(listed) => Ok(listed.unwrap_or_default()),
            Err(error) if error.not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The answer to a question, some seconds old at most: all who ask it share it.
    pub async fn look(&self, query: &Query, limits: &Deadline) -> query::QueryResult {
        self.reads.look(query).get_or_init(|| self.answer(query, limits)).await.clone()
    }

    async fn answer(&self, query: &Query, limits: &Deadline) -> query::QueryResult {
        match query {
            Query::List { kind, namespace } => {
                let (kind, namespace) = (*kind, namespace.as_deref());
                let shared = self.reads.list(kind, namespace);
                match self.listed(&shared, kind, namespace, limits).await {
                    Ok(Listed::All(all)) => Ok(all.values().cloned().collect()),
                    Ok(Listed::NotServed) => Err(QueryError::NotServed),
                    Ok(Listed::Forbidden) => Err(QueryError::Forbidden),
                    Ok(Listed::TooMany) => Err(QueryError::TooMany),
                    Err(error) => Err(QueryError::Failed(error.to_string())),
                }
            }
            Query::Get(key) => match self.get(key, Freshness::Recent, limits).await {
                Ok(live) => Ok(live.into_iter().collect()),
                Err(error) if error.forbidden() => Err(QueryError::Forbidden),
                Err(error) => Err(QueryError::Failed(error.to_string())),
            },
        }
    }

    /// What a LIST that many wait for gave.
    async fn listed(
        &self,
        shared: &Shared,
        kind: &'static Kind,
        namespace: Option<&str>,
        limits: &Deadline,
    ) -> Result<Listed, Error> {
        shared.get_or_try_init(|| self.snapshot(kind, namespace, limits)).await.cloned()
    }

    async fn snapshot(&self, kind: &'static Kind, namespace: Option<&str>, limits: &Deadline) -> Result<Listed, Error> {
        let objects = match self.pages(kind, namespace, "", MOST_PAGES, limits).await {
            Ok(Some(objects)) => objects,
            Ok(None) => return Ok(Listed::TooMany),
            Err(error) if error.forbidden() => return Ok(Listed::Forbidden),
            Err(error) if error.not_found() => return Ok(Listed::NotServed),
            Err(error) => return Err(error),
        };
        let named = |object: Json| {
            let name = text(&object, &["metadata", "name"])?.to_owned();
            let namespace = text(&object, &["metadata", "namespace"]).map(str::to_owned);
            Some((Key { kind, namespace, name }, Arc::new(object)))
        };
        Ok(Listed::All(Arc::new(objects.into_iter().filter_map(named).collect())))
    }

    /// A LIST, page by page; `None` beyond `most` pages. 404: the kind isn't served.
    async fn pages(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        selector: &str,
        most: usize,
        limits: &Deadline,
    ) -> Result<Option<Vec<Json>>, Error> {
        let mut all = Vec::new();
        let mut page = String::new();
        for _ in 0..most {
            let uri = format!("{}?limit={PAGE}{selector}{page}", folder(kind, namespace));
            let mut list: Json = parse(&self.send(Method::GET, &uri, None, limits).await?.body)?;
            if let Some(Json::Array(items)) = list.get_mut("items").map(Json::take) {
                all.extend(items);
            }
            match text(&list, &["metadata", "continue"]) {
                Some(next) if !next.is_empty() => page = format!("&continue={}", encode(next)),
                _ => return Ok(Some(all)),
            }
        }
        Ok(None)
    }

    /// Server-side apply with strict field validation.
    pub async fn apply(&self, key: &Key, body: &Json, how: Apply, limits: &Deadline) -> Result<Applied, Error> {
        let uri = format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict&force={}{}",
            path(key),
            how.force,
            if how.dry_run { "&dryRun=All" } else { "" },
        );
        self.write(Method::PATCH, &uri, Some(("application/apply-patch+yaml", body)), key, how.dry_run, limits).await
    }

    /// A JSON patch, under our field manager.
    pub async fn patch(
        &self,
        key: &Key,
        operations: &Json,
        dry_run: bool,
        limits: &Deadline,
    ) -> Result<Applied, Error> {
        let uri = format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{}",
            path(key),
            if dry_run { "&dryRun=All" } else { "" },
        );
        self.write(Method::PATCH, &uri, Some(("application/json-patch+json", operations)), key, dry_run, limits).await
    }

    /// Deletes exactly the object that was read: another one of the same name, or a newer version, answers 409. `None`: it
    /// was gone already. `Some`: what the server keeps until its finalizers are done, or its word that it's gone.
    pub async fn delete(
        &self,
        key: &Key,
        uid: &str,
        resource_version: &str,
        limits: &Deadline,
    ) -> Result<Option<Json>, Error> {
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": { "uid": uid, "resourceVersion": resource_version },
        });
        match self.write(Method::DELETE, &path(key), Some(("application/json", &body)), key, false, limits).await {
            Ok(applied) => Ok(Some(applied.object)),
            Err(error) if error.not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What tells this cluster from others: the uid of the namespace kube-system. `None`: we may not read it.
    pub async fn identity(&self, limits: &Deadline) -> Result<Option<&str>, Error> {
        Ok(self.identity.get_or_try_init(|| self.read_identity(limits)).await?.as_deref())
    }

    async fn read_identity(&self, limits: &Deadline) -> Result<Option<String>, Error> {
        match self.send(Method::GET, "/api/v1/namespaces/kube-system", None, limits).await {
            Ok(answer) => Ok(text(&parse(&answer.body)?, &["metadata", "uid"]).map(str::to_owned)),
            Err(error) if error.forbidden() || error.not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        method: Method,
        uri: &str,
        body: Option<(&str, &Json)>,
        key: &Key,
        dry_run: bool,
        limits: &Deadline,
    ) -> Result<Applied, Error> {
        if !dry_run {
            self.reads.forget(key);
        }
        let answer = self.send(method, uri, body, limits).await?;
        Ok(Applied { object: parse(&answer.body)?, warnings: answer.warnings })
    }

    async fn send(
        &self,
        method: Method,
        uri: &str,
        body: Option<(&str, &Json)>,
        limits: &Deadline,
    ) -> Result<Answer, Error> {
        self.send_for(JSON, method, uri, body, limits).await
    }

    /// Reads what the server has in another form than its own.
    pub(super) async fn read_as(&self, form: &str, uri: &str, limits: &Deadline) -> Result<Json, Error> {
        parse(&self.send_for(form, Method::GET, uri, None, limits).await?.body)
    }

    async fn send_for(
        &self,
        accept: &str,
        method: Method,
        uri: &str,
        body: Option<(&str, &Json)>,
        limits: &Deadline,
    ) -> Result<Answer, Error> {
        let (content_type, bytes) = match body {
            Some((content_type, body)) => (content_type, body.to_string().into_bytes()),
            None => (JSON, Vec::new()),
        };
        let what = format!("{method} {uri}");
        let reached = || self.reached.load(Relaxed);
        if let Some(error) = self.given_up.get().filter(|_| !reached()) {
            return Err(error.clone());
        }
        let begun = Instant::now();
        let answer =
            persist(limits, &what, reached, || self.attempt(&method, uri, (accept, content_type), &bytes, &what)).await;
        if let Err(error @ Error::Unreachable(_)) = &answer
            && !reached()
            && begun.elapsed() >= FIRST_CONTACT_TIMEOUT
        {
            // Whoever sets it first is as right as we are.
            let _ = self.given_up.set(error.clone());
        }
        answer
    }

    async fn attempt(
        &self,
        method: &Method,
        uri: &str,
        forms: (&str, &str),
        body: &[u8],
        what: &str,
    ) -> Result<Answer, Error> {
        let connection = self.connection.as_ref().map_err(|_| Error::Unknown)?;
        let session = self.sessions.current(connection).await?;
        let answer = ask(&session, method, uri, forms, body, what).await;
        if answer.as_ref().err().is_none_or(|error| error.status().is_some()) {
            self.reached.store(true, Relaxed);
        }
        if !answer.as_ref().is_err_and(Error::unauthorized) {
            return answer;
        }
        match self.sessions.after(&session, connection).await? {
            Some(session) => ask(&session, method, uri, forms, body, what).await,
            None => answer,
        }
    }
}

async fn ask(
    session: &Session,
    method: &Method,
    uri: &str,
    (accept, content_type): (&str, &str),
    body: &[u8],
    what: &str,
) -> Result<Answer, Error> {
    let request = Request::builder()
        .method(method.clone())
        .uri(uri)
        .header(http::header::CONTENT_TYPE, content_type)
        .header(http::header::ACCEPT, accept)
        .body(Body::from(body.to_vec()))
        .map_err(|e| Error::Malformed(e.to_string()))?;
    let (head, body) = session.send(request).await?.into_parts();
    let body = body.collect().await.map_err(|e| Error::Unreachable(e.to_string()))?.to_bytes();
    tracing::debug!(request = what, status = head.status.as_u16(), "kubernetes");
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    if head.status.is_success() {
        let warnings = head.headers.get_all("warning").iter().filter_map(text).map(|w| warning(&w)).collect();
        return Ok(Answer { body: body.to_vec(), warnings });
    }
    let retry_after = head.headers.get("retry-after").and_then(text).and_then(|seconds| seconds.parse().ok());
    Err(Error::refused(head.status.as_u16(), &body, retry_after))
}

fn parse(body: &[u8]) -> Result<Json, Error> {
    serde_json::from_slice(body).map_err(|e| Error::Malformed(e.to_string()))
}

/// `299 - "text"` without its code and agent.
fn warning(header: &str) -> String {
    let text = header.splitn(3, ' ').nth(2).unwrap_or(header);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    text.replace("\\\"", "\"")
}

/// Where objects of a kind are.
fn folder(kind: &Kind, namespace: Option<&str>) -> String {
    let root = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{}/{}", encode(namespace), kind.plural),
        None => format!("{root}/{}", kind.plural),
    }
}

/// Where an object is.
fn path(key: &Key) -> String {
    format!("{}/{}", folder(key.kind, key.namespace.as_deref()), encode(&key.name))
}

/// Percent-encodes one part of a URL: names come from configuration and state, and must stay one part.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kind::{SERVICE, VIRTUAL_SERVICE};

    #[test]
    fn paths_keep_names_in_their_place() {
        assert_eq!(path(&Key::new(&SERVICE, "pci", "payments")), "/api/v1/namespaces/pci/services/payments");
        assert_eq!(
            path(&Key::new(&VIRTUAL_SERVICE, "pci", "../x?y")),
            "/apis/networking.istio.io/v1/namespaces/pci/virtualservices/..%2Fx%3Fy"
        );
    }

    #[test]
    fn a_warning_header_is_its_text() {
        assert_eq!(warning(r#"299 - "say \"when\"""#), r#"say "when""#);
    }
}
