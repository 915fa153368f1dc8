//! The bookkeeping between calls: the private data that Terraform stores for a resource, and that every response must
//! return.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{journal::JournalEntry, schedule::Deletion};
use crate::object::{Key, ManagementScope, Stage};

/// The record of one resource. It names objects as text, so that an older version of the provider can read the record of a
/// newer one. The serialized names are stored in states and must not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    #[serde(rename = "v")]
    pub version: u32,
    /// The resource's id when the record was written. A plan with another id is about another resource.
    #[serde(default)]
    pub id: String,
    /// The random id of this instance of the resource. Empty until its first apply.
    #[serde(default)]
    pub instance: String,
    /// The provider's `owner` when the record was written.
    #[serde(default)]
    pub owner: String,
    /// The cluster's identity when the record was written, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The objects that were written, by the text form of their key.
    #[serde(default)]
    pub objects: BTreeMap<String, RecordedObject>,
    /// Whether the resource is protected from deletion, since an apply that wrote all of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The record of the resource that a planned create replaces, in the private data of that plan only. It is empty if
    /// Terraform doesn't pass the private data (for a tainted resource). A delete with this field is the first half of the
    /// replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Box<Record>>,
    /// The run whose plan decided on a delete, in the private data of that plan only. Core plans the delete of a current instance
    /// in one walk and applies it in another, which configures the provider again; that of a deposed instance it plans again in
    /// the walk that applies it. So a delete of another run's plan is one of a current instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_in: Option<String>,
}

/// What is recorded of one object. The flags are independent: an adopted object may be inherited.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedObject {
    /// The uid that the server gave the object. Empty if it isn't known, as in a state without private data.
    pub uid: String,
    /// The stage in which the object was written, for the order of deletions.
    #[serde(default)]
    pub stage: u8,
    /// How long the proxies may go on using the object before it is deleted, in seconds.
    #[serde(rename = "settle", default, skip_serializing_if = "is_zero")]
    pub propagation_seconds: u64,
    /// A body that is written before the object is deleted, if other objects of the resource stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_body: Option<Json>,
    /// Whether the resource only sets some fields of an object that another tool manages.
    #[serde(rename = "fields", default, skip_serializing_if = "std::ops::Not::not")]
    pub fields_only: bool,
    /// Whether another tool had made the object before `adopt_existing` took it over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Whether the object may be left from an earlier instance of the resource. If it isn't desired any more, it is deleted
    /// only if its annotations still name the resource.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
    /// Whether a `moved` block brought the object from a resource of another type, so that its annotations can't name this
    /// resource yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
}

impl RecordedObject {
    /// Records an object that may be left from an earlier instance of the resource.
    pub fn inherited(stage: Stage) -> Self {
        Self { stage: stage.0, inherited: true, ..Self::default() }
    }

    /// Whether the resource manages the object or only some fields of it.
    pub fn scope(&self) -> ManagementScope {
        if self.fields_only { ManagementScope::Fields } else { ManagementScope::Whole }
    }

    /// Whether the object counts as adopted once it is written with `scope`: it was adopted before, or the resource only set
    /// some of its fields until now and takes over the whole object.
    pub fn is_adopted_as(&self, scope: ManagementScope) -> bool {
        self.adopted || self.fields_only && scope == ManagementScope::Whole
    }

    /// When the object is deleted.
    pub fn deletion(&self) -> Deletion {
        let propagation_delay = Duration::from_secs(self.propagation_seconds);
        Deletion { stage: Stage(self.stage), propagation_delay, last_body: self.last_body.clone() }
    }
}

// serde passes the field by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Record {
    const VERSION: u32 = 1;

    /// Decodes private data. If it is empty or isn't a record, the record is empty, and the caller falls back to the keys of
    /// the state.
    pub fn decode(private: &[u8]) -> Self {
        serde_json::from_slice(private).unwrap_or_default()
    }

    /// Decodes the private data of a state. Where an apply failed without a result, core stored the private data of the planned
    /// create, whose `replaces` would make a later delete the first half of a replacement; what only plans have is left out. `id` is the id of
    /// the state, for private data that is empty.
    pub fn of_state(private: &[u8], id: &str) -> Self {
        let record = Self::decode(private);
        let id = if record.id.is_empty() { id.to_owned() } else { record.id };
        Self { id, replaces: None, planned_in: None, ..record }
    }

    /// Encodes the record as private data.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Self { version: Self::VERSION, ..self.clone() }).unwrap_or_default()
    }

    /// Returns the recorded objects of the kinds that this version of the provider manages.
    pub fn recorded_objects(&self) -> BTreeMap<Key, RecordedObject> {
        self.objects.iter().filter_map(|(key, recorded)| Some((key.parse().ok()?, recorded.clone()))).collect()
    }

    /// Returns what is recorded of an object.
    pub fn object(&self, key: &Key) -> Option<&RecordedObject> {
        self.objects.get(&key.to_string())
    }

    /// Adds the outcomes of an apply or a delete.
    pub fn update(&mut self, outcomes: &BTreeMap<Key, JournalEntry>) {
        for (key, entry) in outcomes {
            match entry {
                JournalEntry::Written { uid, deletion, scope, adopted, .. } => {
                    let recorded = RecordedObject {
                        uid: uid.clone(),
                        stage: deletion.stage.0,
                        propagation_seconds: deletion.propagation_delay.as_secs(),
                        last_body: deletion.last_body.clone(),
                        fields_only: *scope == ManagementScope::Fields,
                        adopted: *adopted,
                        ..RecordedObject::default()
                    };
                    self.objects.insert(key.to_string(), recorded);
                }
                JournalEntry::Removed => {
                    self.objects.remove(&key.to_string());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_private_data_is_an_empty_record() {
        for private in [&b""[..], b"null", b"{", b"\xff"] {
            assert_eq!(Record::decode(private), Record::default());
        }
    }

    #[test]
    fn encoded_record_is_decoded_unchanged() {
        let recorded = RecordedObject {
            uid: "u".into(),
            stage: 20,
            propagation_seconds: 2,
            fields_only: true,
            ..RecordedObject::default()
        };
        let record = Record {
            version: 1,
            id: "pci/payments".into(),
            objects: [("Service/pci/payments".into(), recorded)].into(),
            ..Record::default()
        };
        assert_eq!(Record::decode(&record.encode()), record);
    }

    #[test]
    fn serialized_names_are_those_of_stored_states() {
        let stored = r#"{"v":1,"id":"pci/payments","instance":"i","owner":"o","cluster":"c","objects":{"Service/pci/payments":{"uid":"u","stage":20,"settle":2,"last_body":{"spec":{}},"fields":true,"adopted":true,"inherited":true,"moved":true}},"protected":true,"replaces":{"v":1,"id":"","instance":"","owner":"","objects":{}},"planned_in":"r"}"#;
        assert_eq!(String::from_utf8(Record::decode(stored.as_bytes()).encode()).unwrap(), stored);
    }
}
