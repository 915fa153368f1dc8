//! Our bookkeeping between calls: the private data that core stores for us and every answer must echo.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{journal::JournalEntry, schedule::Deletion};
use crate::object::{Key, ManagementScope, Stage};

/// One resource's record. Names objects as text, so that a record of a newer version still reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    #[serde(rename = "v")]
    pub version: u32,
    /// The resource's id when it was written: a plan with another id is another resource.
    #[serde(default)]
    pub id: String,
    /// The random id of this life of the resource; empty until its first apply.
    #[serde(default)]
    pub instance: String,
    /// The provider's `owner` when it was written.
    #[serde(default)]
    pub owner: String,
    /// The cluster's identity when it was written, where we could read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What was written, by key as text.
    #[serde(default)]
    pub objects: BTreeMap<String, RecordedObject>,
    /// Applied whole, and protected from deletion since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// In the private data of a planned create alone: the record of what it replaces, empty where core doesn't say (a
    /// tainted resource). A delete that carries it is the first half of that replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Box<Record>>,
}

/// What is noted of one object. Each flag is a fact of its own: an adopted object may be inherited.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedObject {
    /// The server's id of this very object; empty where it isn't known (a state without private data).
    pub uid: String,
    /// When it was written, for the order of deletion.
    #[serde(default)]
    pub stage: u8,
    /// Seconds that the data plane needs to leave it before it goes.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(rename = "settle")]
    pub propagation_seconds: u64,
    /// Some fields of somebody else's object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "fields")]
    pub fields_only: bool,
    /// Somebody else's before `adopt_existing` took it over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Of an earlier life of the resource: what isn't wanted any more goes, if it still says that it belongs here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
    /// A resource of another type had it (`moved`): its stamps can't say that it's ours yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
}

impl RecordedObject {
    /// What may be left of an earlier life.
    pub fn inherited(stage: Stage) -> Self {
        Self { stage: stage.0, inherited: true, ..Self::default() }
    }

    /// How we hold it.
    pub fn scope(&self) -> ManagementScope {
        if self.fields_only { ManagementScope::Fields } else { ManagementScope::Whole }
    }

    /// Whether it was somebody else's: taken over, or held in part until now.
    pub fn is_adopted(&self, scope: ManagementScope) -> bool {
        self.adopted || self.fields_only && scope == ManagementScope::Whole
    }

    /// How it goes.
    pub fn deletion(&self) -> Deletion {
        Deletion { stage: Stage(self.stage), propagation_delay: Duration::from_secs(self.propagation_seconds) }
    }
}

// By reference, as serde asks.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Record {
    const VERSION: u32 = 1;

    /// Reads private data; nothing, or anything that isn't ours, is an empty record: the state's keys have to do then.
    pub fn decode(private: &[u8]) -> Self {
        serde_json::from_slice(private).unwrap_or_default()
    }

    /// The private data.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Self { version: Self::VERSION, ..self.clone() }).unwrap_or_default()
    }

    /// The noted objects whose kinds we know.
    pub fn recorded_objects(&self) -> BTreeMap<Key, RecordedObject> {
        self.objects.iter().filter_map(|(key, noted)| Some((key.parse().ok()?, noted.clone()))).collect()
    }

    /// What is noted of an object.
    pub fn object(&self, key: &Key) -> Option<&RecordedObject> {
        self.objects.get(&key.to_string())
    }

    /// Takes over what was done.
    pub fn update(&mut self, done: &BTreeMap<Key, JournalEntry>) {
        for (key, entry) in done {
            match entry {
                JournalEntry::Written { uid, deletion, scope, adopted, .. } => {
                    let noted = RecordedObject {
                        uid: uid.clone(),
                        stage: deletion.stage.0,
                        propagation_seconds: deletion.propagation_delay.as_secs(),
                        fields_only: *scope == ManagementScope::Fields,
                        adopted: *adopted,
                        ..RecordedObject::default()
                    };
                    self.objects.insert(key.to_string(), noted);
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
    fn what_is_not_a_record_is_an_empty_one() {
        for private in [&b""[..], b"null", b"{", b"\xff"] {
            assert_eq!(Record::decode(private), Record::default());
        }
    }

    #[test]
    fn it_survives_the_round_trip() {
        let noted = RecordedObject {
            uid: "u".into(),
            stage: 20,
            propagation_seconds: 2,
            fields_only: true,
            ..RecordedObject::default()
        };
        let record = Record {
            version: 1,
            id: "pci/payments".into(),
            objects: [("Service/pci/payments".into(), noted)].into(),
            ..Record::default()
        };
        assert_eq!(Record::decode(&record.encode()), record);
    }
}
