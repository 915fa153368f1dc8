//! The live side of a resource's objects.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    Engine,
    drift::project,
    ownership::{Ownership, whose},
    run_bounded,
};
use crate::{
    diagnostics::{Diagnostics, Reported},
    kubernetes::{
        Error, Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::Key,
};

impl Engine<'_> {
    /// The objects under `keys` that are there, with our fields of them; `wrote` says what we wrote last. Every failure is
    /// told, and then there is no answer: a plan must not say "gone" of what it couldn't see.
    pub async fn read(
        &self,
        wrote: &BTreeMap<Key, Json>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Json>, Reported> {
        let live = self.fetch(wrote.keys(), Freshness::Recent, out).await?;
        Ok(live.into_iter().map(|(key, live)| (key.clone(), project(&live, wrote.get(&key), &key))).collect())
    }

    /// Whether what is noted lives on under another life of the resource. What can't be read is taken as not.
    pub async fn has_newer_life(&self) -> bool {
        let noted = self.record.keys();
        let live = self.fetch(noted.keys(), Freshness::Recent, &mut Diagnostics::default()).await.unwrap_or_default();
        live.iter().any(|(key, live)| whose(live, self.claim, noted.get(key)) == Ownership::OtherLife)
    }

    /// The objects that are there, whole.
    pub(super) async fn fetch(
        &self,
        keys: impl Iterator<Item = &Key>,
        freshness: Freshness,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        self.fetch_but(keys, freshness, |_| false, out).await
    }

    /// Likewise, of what an earlier life may have left. What we may not read is taken as not there: who may not do that didn't
    /// write it either.
    pub(super) async fn fetch_left(
        &self,
        keys: impl Iterator<Item = &Key>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        self.fetch_but(keys, Freshness::Recent, Error::is_forbidden, out).await
    }

    async fn fetch_but(
        &self,
        keys: impl Iterator<Item = &Key>,
        freshness: Freshness,
        is_nothing: fn(&Error) -> bool,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        let keys: Vec<&Key> = keys.collect();
        let reads = keys.iter().map(|key| self.cluster.get(key, freshness, &self.limits).boxed());
        let (mut found, mut failed) = (BTreeMap::new(), None);
        for (key, read) in keys.iter().copied().zip(run_bounded(reads.collect()).await) {
            match read {
                Ok(live) => found.extend(live.map(|live| (key.clone(), live))),
                Err(error) if is_nothing(&error) => {}
                // One fault, one message: what fails for one object fails for its siblings, too.
                Err(error) if failed.is_none() => {
                    failed = Some(report_error(&error, ApiOperation::Read, key, None, out));
                }
                Err(_) => {}
            }
        }
        failed.map_or(Ok(found), Err)
    }
}
