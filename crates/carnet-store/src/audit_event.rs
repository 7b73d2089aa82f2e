//! The audit trail. Entries are added and read; nothing changes or removes one.

use carnet_model::{AuditAct, AuditEvent, FactName, LedgerFact, OrgId, Timestamp};

use crate::db::{Bind, Row, StoreError, Tx};

/// The entry of a transaction that is open: it is stored with the commit, or not at all.
#[derive(Debug)]
pub(crate) struct OpenAudit {
    event: AuditEvent,
    /// The names of variables that were changed.
    variables: Vec<String>,
    /// What the entry of the ledger tells besides.
    facts: Vec<(FactName, String)>,
}

impl OpenAudit {
    /// Looks at a statement: the first row with an id that a request stores is what it made. Service users and names of tags
    /// are made on the way to something else.
    pub(crate) fn look_at(&mut self, sql: &str, binds: &[Bind]) {
        let act = &mut self.event.act;
        let is_entry = sql.starts_with("INSERT INTO audit_events ");
        if !act.creates || act.resource_id.is_some() || is_entry || !sql.starts_with("INSERT INTO ") {
            return;
        }
        let begins_with_id =
            sql.split_once('(').is_some_and(|(_, columns)| columns.trim_start().starts_with("id,"));
        let Some(Bind::Text(id)) = binds.first().filter(|_| begins_with_id) else {
            return;
        };
        let is_aside = |prefix: &str, kind: &str| id.starts_with(prefix) && act.resource_type != kind;
        if is_aside("user-", "user") || is_aside("tag-", "tag") {
            return;
        }
        act.resource_id = Some(id.clone());
        if let (None, Ok(organization)) = (&self.event.organization_id, id.parse::<OrgId>()) {
            self.event.organization_id = Some(organization);
        }
    }
}

fn add(fact: LedgerFact, (name, value): (FactName, String)) -> LedgerFact {
    let value = match fact.facts.get(name.as_str()) {
        Some(known) => format!("{known}, {value}"),
        None => value,
    };
    fact.with(name, value)
}

fn event(row: &Row) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        id: row.parsed("id")?,
        organization_id: row.optional_parsed("organization_id")?,
        request_id: row.optional_text("request_id")?,
        actor_kind: row.text("actor_kind")?,
        accessor_id: row.optional_text("accessor_id")?,
        token_id: row.optional_parsed("token_id")?,
        description: row.text("description")?,
        act: AuditAct {
            resource_type: row.text("resource_type")?,
            resource_id: row.optional_text("resource_id")?,
            action: row.text("action")?,
            creates: false,
        },
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Makes the commit of this transaction an entry of the audit trail.
    pub fn audit_as(&mut self, event: AuditEvent) {
        self.audit = Some(Box::new(OpenAudit { event, variables: Vec::new(), facts: Vec::new() }));
    }

    /// Says which organization the entry of this transaction concerns.
    pub fn audit_in(&mut self, organization: &OrgId) {
        if let Some(open) = &mut self.audit {
            open.event.organization_id = Some(organization.clone());
        }
    }

    /// Says what the request of this transaction made, where that has no id of its own.
    pub fn audit_resource(&mut self, id: &str) {
        if let Some(open) = &mut self.audit {
            open.event.act.resource_id = Some(id.to_owned());
        }
    }

    /// Says which variable was changed: that of some is an entry of the ledger.
    pub(crate) fn audit_variable(&mut self, key: &str) {
        if let Some(open) = &mut self.audit
            && !open.variables.iter().any(|known| known == key)
        {
            open.variables.push(key.to_owned());
        }
    }

    /// Adds a fact to the entry of the ledger that goes with the entry of this transaction, if there is one. Of several, each
    /// stands there once, side by side; what was there before and after stands there as often as it is told.
    pub fn audit_fact(&mut self, name: FactName, value: &str) {
        if let Some(open) = &mut self.audit {
            let fact = (name, value.to_owned());
            let is_change = matches!(name, FactName::Before | FactName::After);
            if is_change || !open.facts.contains(&fact) {
                open.facts.push(fact);
            }
        }
    }

    pub(crate) async fn store_open_audit(&mut self) -> Result<(), StoreError> {
        let Some(open) = self.audit.take() else {
            return Ok(());
        };
        self.store_audit_event(&open.event).await?;
        let fact = LedgerFact::of_audit(&open.event, &open.variables);
        self.ledger.extend(fact.map(|fact| open.facts.into_iter().fold(fact, add)));
        Ok(())
    }

    /// Adds an entry, and one of the ledger where it tells of a change of trust. The description is the name of the user who is
    /// the accessor, if there is one.
    pub async fn insert_audit_event(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.ledger.extend(LedgerFact::of_audit(event, &[]));
        self.store_audit_event(event).await
    }

    async fn store_audit_event(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO audit_events (id, organization_id, request_id, actor_kind, accessor_id, token_id, \
             description, resource_type, resource_id, action, created_at) VALUES ($1, $2, $3, $4, $5, $6, \
             COALESCE((SELECT username FROM users WHERE id = $5), $7), $8, $9, $10, $11)",
            &[
                (&event.id).into(),
                event.organization_id.as_ref().into(),
                event.request_id.clone().into(),
                (&event.actor_kind).into(),
                event.accessor_id.clone().into(),
                event.token_id.as_ref().into(),
                (&event.description).into(),
                (&event.act.resource_type).into(),
                event.act.resource_id.clone().into(),
                (&event.act.action).into(),
                event.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Entries of an organization that are younger than `since`, the oldest first, and how many there are.
    pub async fn audit_events(
        &mut self,
        organization: &OrgId,
        since: Option<Timestamp>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<AuditEvent>, u64), StoreError> {
        let since = since.map_or(i64::MIN, Timestamp::as_millisecond);
        let total = self
            .total(
                "SELECT COUNT(*) AS total FROM audit_events WHERE organization_id = $1 AND created_at > $2",
                &[organization.into(), since.into()],
            )
            .await?;
        let rows = self
            .all(
                "SELECT * FROM audit_events WHERE organization_id = $1 AND created_at > $2 \
                 ORDER BY created_at, id LIMIT $3 OFFSET $4",
                &[organization.into(), since.into(), limit.into(), offset.into()],
            )
            .await?;
        Ok((rows.iter().map(event).collect::<Result<_, _>>()?, total))
    }
}
