//! What the ledger tells of: something that happened, in the words of its facts.

use std::collections::BTreeMap;

use super::{LedgerChain, LedgerEntry};
use crate::{OrgId, Timestamp};

macro_rules! words {
    ($(#[$outer:meta])* $type:ident, $what:literal { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$doc])* $name,)*
        }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word as it stands in entries.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.as_str() == text).ok_or_else(|| format!("{text:?} is not {}", $what))
            }
        }
    };
}

words! {
    /// What kind of thing happened.
    LedgerKind, "a kind of entry" {
        /// An identity token was minted.
        Mint = "mint",
        /// A provider gave a credential for an identity token.
        Exchange = "exchange",
        /// A credential was renewed, or replaced by one of the same rights.
        Renewal = "renewal",
        /// The server did not mint, or a provider did not take the token.
        Refusal = "refusal",
        /// A credential was revoked, or could not be.
        Revocation = "revocation",
        /// A key of the issuer was made, changed its place or was revoked.
        Key = "key",
        /// A policy about who may be given what was changed.
        Policy = "policy",
        /// Something else was changed on which trust rests.
        Setting = "setting",
        /// The issuer signed a checkpoint of another chain; only the site's chain tells of them.
        Checkpoint = "checkpoint",
    }
}

words! {
    /// The name of a fact.
    FactName, "the name of a fact" {
        /// The name by which an administrator revokes a credential at its provider.
        Accessor = "accessor",
        /// What was done, as in the audit trail.
        Action = "action",
        /// Who did it, or who made the run: the id of a user.
        Actor = "actor",
        /// The same in words.
        ActorName = "actor_name",
        /// The server that gave the credential.
        Address = "address",
        /// Who approved the run: the id of a user, or `auto-apply`.
        Approver = "approver",
        /// The same in words.
        ApproverName = "approver_name",
        /// The claim `aud`.
        Audience = "audience",
        /// What was there before a change: a document or a value that is no secret.
        Before = "before",
        /// What is there since a change.
        After = "after",
        /// The commit that the configuration comes from.
        Commit = "commit",
        /// The configuration version.
        Configuration = "configuration",
        /// When it ends by itself.
        ExpiresAt = "expires_at",
        /// The family of credentials, or the adapter.
        Family = "family",
        /// Who the run is to the provider.
        Identity = "identity",
        /// The job.
        Job = "job",
        /// The id of the identity token.
        Jti = "jti",
        /// The key of the issuer.
        Kid = "kid",
        /// The namespace at the provider.
        Namespace = "namespace",
        /// The last entry of another chain that a checkpoint covers.
        Covers = "covers",
        /// The hash of that entry.
        Hash = "hash",
        /// How often something was refused to a job so far.
        Count = "count",
        /// How it ended.
        Outcome = "outcome",
        /// `plan` or `apply`.
        Phase = "phase",
        /// The project.
        Project = "project",
        /// Why, in words.
        Reason = "reason",
        /// How often a credential was renewed so far.
        Renewals = "renewals",
        /// The request, as in the header `X-Request-Id`.
        Request = "request",
        /// Which thing was changed.
        Resource = "resource",
        /// What kind of thing was changed.
        ResourceType = "resource_type",
        /// The role or account at the provider.
        Role = "role",
        /// The run.
        Run = "run",
        /// The name of the setting that was changed.
        Setting = "setting",
        /// Who says so: `server` or `agent`.
        Source = "source",
        /// The claim `sub`.
        Subject = "subject",
        /// The tag of the configuration of credentials.
        Tag = "tag",
        /// The record of the API token that was presented.
        Token = "token",
        /// The variable set that a variable is of.
        VariableSet = "variable_set",
        /// The workspace.
        Workspace = "workspace",
    }
}

/// Something that happened and belongs into the ledger; it gets its place in the chain when it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFact {
    /// The chain.
    pub chain: LedgerChain,
    /// What kind of thing happened.
    pub kind: LedgerKind,
    /// When.
    pub time: Timestamp,
    /// What is known about it.
    pub facts: BTreeMap<String, String>,
}

impl LedgerFact {
    /// Something that concerns one organization.
    pub fn of(organization: &OrgId, kind: LedgerKind, time: Timestamp) -> Self {
        Self { chain: LedgerChain::Organization(organization.clone()), kind, time, facts: BTreeMap::new() }
    }

    /// Something that concerns the whole site, as keys of its issuer do.
    pub fn of_site(kind: LedgerKind, time: Timestamp) -> Self {
        Self { chain: LedgerChain::Site, kind, time, facts: BTreeMap::new() }
    }

    /// The same with one more fact; an empty text is none.
    #[must_use]
    pub fn with(mut self, name: FactName, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.facts.insert(name.as_str().to_owned(), value);
        }
        self
    }

    /// The same with one more fact if it is known.
    #[must_use]
    pub fn with_some<T: ToString>(self, name: FactName, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value.to_string()),
            None => self,
        }
    }

    /// The entry at a place of its chain.
    pub fn at(self, sequence: u64) -> LedgerEntry {
        let Self { chain, kind, time, facts } = self;
        LedgerEntry { chain, sequence, time, kind, facts }
    }
}
