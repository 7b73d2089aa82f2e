//! Comments on runs.

use carnet_model::{Comment, CommentId, RunId};

use crate::db::{Row, StoreError, Tx};

fn comment(row: &Row) -> Result<Comment, StoreError> {
    Ok(Comment {
        id: row.parsed("id")?,
        run_id: row.parsed("run_id")?,
        run_event_id: row.parsed("run_event_id")?,
        body: row.text("body")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores a new comment.
    pub async fn insert_comment(&mut self, comment: &Comment) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO comments (id, run_id, run_event_id, body, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&comment.id).into(),
                (&comment.run_id).into(),
                (&comment.run_event_id).into(),
                (&comment.body).into(),
                comment.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The comment of this id.
    pub async fn comment(&mut self, id: &CommentId) -> Result<Option<Comment>, StoreError> {
        let row = self.optional("SELECT * FROM comments WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(comment).transpose()
    }

    /// Some comments on a run, in the order in which they were made.
    pub async fn comments(
        &mut self,
        run: &RunId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<Comment>, StoreError> {
        let rows = self
            .all(
                "SELECT c.* FROM run_events e JOIN comments c ON c.id = e.target_id \
                 WHERE e.run_id = $1 AND e.action = 'commented' ORDER BY e.place LIMIT $2 OFFSET $3",
                &[run.into(), limit.into(), offset.into()],
            )
            .await?;
        rows.iter().map(comment).collect()
    }

    /// How many comments were made on a run.
    pub async fn comment_count(&mut self, run: &RunId) -> Result<u64, StoreError> {
        self.total("SELECT COUNT(*) AS total FROM comments WHERE run_id = $1", &[run.into()]).await
    }
}
