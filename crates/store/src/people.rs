//! People, their roles, credentials and preferences. Must not know how a password is hashed or what a role allows.

use std::collections::BTreeMap;

use penstock_model::{Person, Role, TenantId, UserId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use crate::audit::{self, AuditEntry};
use crate::reader::{ANSWER, in_time};
use crate::sql::{clean_json, from_word, word};
use crate::{Error, Result, Store};

macro_rules! people {
    ($which:literal) => {
        concat!(
            "select people.id, tenant, name, full_name, ",
            "array(select role from person_roles where person = people.id order by role) as roles from people where ",
            $which
        )
    };
}

impl Store {
    /// Makes the first admin of a tenant; refused once there is one, also where two try at the same moment.
    ///
    /// # Errors
    /// [`Error::Exists`] where there is an admin, or somebody of that name; [`Error::Refused`] without the admin role;
    /// those of the database.
    pub async fn create_first_admin(
        &self,
        tenant: TenantId,
        person: &Person,
        password_hash: &str,
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        if !person.roles.contains(&Role::Admin) {
            return Err(Error::Refused { why: "the first person must be an admin".to_owned() });
        }
        let mut transaction = self.pool.begin().await?;
        lock_roles(&mut transaction).await?;
        if admins(&mut transaction, tenant).await? > 0 {
            return Err(Error::Exists { what: "an admin".to_owned() });
        }
        insert_person(&mut transaction, tenant, person, password_hash).await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a person. The name is stored in lower case.
    ///
    /// # Errors
    /// [`Error::Exists`] where somebody has that name; those of the database.
    pub async fn create_person(
        &self,
        tenant: TenantId,
        person: &Person,
        password_hash: &str,
        audit: &[AuditEntry],
    ) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        insert_person(&mut transaction, tenant, person, password_hash).await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Keeps the names of people who have no account here, so that what they did stays readable. They can neither sign
    /// in nor be admins.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn remember_people(&self, tenant: TenantId, people: &[Person]) -> Result<()> {
        for person in people {
            sqlx::query(
                "insert into people (id, tenant, name, full_name) values ($1, $2, $3, $4) on conflict (id) do nothing",
            )
            .bind(person.id.0)
            .bind(tenant.0)
            .bind(&person.name)
            .bind(&person.full_name)
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }

    /// The person who signs in as `name`, letter case aside, and whose they are.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn person_by_name(&self, name: &str) -> Result<Option<(TenantId, Person)>> {
        let query = sqlx::query(people!("name = $1")).bind(name.trim().to_lowercase());
        let row = in_time(ANSWER, async { Ok(query.fetch_optional(&self.pool).await?) }).await?;
        row.map(|row| Ok((TenantId(row.try_get("tenant")?), person_from(&row)?))).transpose()
    }

    /// Everybody of the tenant, by name.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn people(&self, tenant: TenantId) -> Result<Vec<Person>> {
        let query = sqlx::query(people!("tenant = $1 order by name")).bind(tenant.0);
        let rows = in_time(ANSWER, async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        rows.iter().map(person_from).collect()
    }

    /// What everybody of the tenant is called in full.
    pub(crate) async fn names(&self, tenant: TenantId) -> Result<BTreeMap<UserId, String>> {
        let names: Vec<(uuid::Uuid, String)> = sqlx::query_as("select id, full_name from people where tenant = $1")
            .bind(tenant.0)
            .fetch_all(&self.pool)
            .await?;
        Ok(names.into_iter().map(|(id, name)| (UserId(id), name)).collect())
    }

    /// How many of the tenant's people are admins.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_admins(&self, tenant: TenantId) -> Result<u64> {
        let mut connection = self.pool.acquire().await?;
        admins(&mut connection, tenant).await
    }

    /// Gives a person these roles in place of those they have.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] where nobody would be left as an admin; those of the database.
    pub async fn set_roles(&self, person: UserId, roles: &[Role], audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        lock_roles(&mut transaction).await?;
        let tenant = sqlx::query_scalar("select tenant from people where id = $1")
            .bind(person.0)
            .fetch_optional(&mut *transaction)
            .await?
            .map(TenantId)
            .ok_or_else(|| unknown(person))?;
        let before = admins(&mut transaction, tenant).await?;
        sqlx::query("delete from person_roles where person = $1").bind(person.0).execute(&mut *transaction).await?;
        insert_roles(&mut transaction, person, roles).await?;
        if before > 0 && admins(&mut transaction, tenant).await? == 0 {
            return Err(Error::Refused {
                why: "nobody would be left as an admin: give the role to another first".to_owned(),
            });
        }
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// The hash of a person's password, in PHC form.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn password_hash(&self, person: UserId) -> Result<Option<String>> {
        let query = sqlx::query_scalar("select password_hash from credentials where person = $1").bind(person.0);
        in_time(ANSWER, async { Ok(query.fetch_optional(&self.pool).await?) }).await
    }

    /// Replaces the hash of a person's password.
    ///
    /// # Errors
    /// [`Error::Dangling`] for an unknown person; those of the database.
    pub async fn set_password_hash(&self, person: UserId, password_hash: &str, audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        insert_credential(&mut transaction, person, password_hash).await?;
        audit::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// A person's own preferences, an empty object at first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of the database.
    pub async fn preferences(&self, person: UserId) -> Result<serde_json::Value> {
        let query = sqlx::query_scalar("select preferences from people where id = $1").bind(person.0);
        let found: Option<Json<serde_json::Value>> =
            in_time(ANSWER, async { Ok(query.fetch_optional(&self.pool).await?) }).await?;
        found.map(|Json(preferences)| preferences).ok_or_else(|| unknown(person))
    }

    /// Keeps a person's own preferences. They change nothing for anybody else, so there is no audit of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of the database.
    pub async fn set_preferences(&self, person: UserId, preferences: &serde_json::Value) -> Result<()> {
        let mut preferences = preferences.clone();
        clean_json(&mut preferences);
        let changed = sqlx::query("update people set preferences = $2 where id = $1")
            .bind(person.0)
            .bind(Json(preferences))
            .execute(&self.pool)
            .await?;
        if changed.rows_affected() == 0 { Err(unknown(person)) } else { Ok(()) }
    }
}

/// Two who change roles at once would each still see the other's admin.
async fn lock_roles(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("lock table person_roles in share row exclusive mode").execute(connection).await?;
    Ok(())
}

async fn admins(connection: &mut PgConnection, tenant: TenantId) -> Result<u64> {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from person_roles join people on people.id = person where role = $2 and tenant = $1",
    )
    .bind(tenant.0)
    .bind(Role::Admin.name())
    .fetch_one(connection)
    .await?;
    Ok(count.unsigned_abs())
}

async fn insert_person(connection: &mut PgConnection, tenant: TenantId, person: &Person, hash: &str) -> Result<()> {
    sqlx::query("insert into people (id, tenant, name, full_name) values ($1, $2, $3, $4)")
        .bind(person.id.0)
        .bind(tenant.0)
        .bind(person.name.trim().to_lowercase())
        .bind(&person.full_name)
        .execute(&mut *connection)
        .await?;
    insert_credential(connection, person.id, hash).await?;
    insert_roles(connection, person.id, &person.roles).await
}

async fn insert_credential(connection: &mut PgConnection, person: UserId, hash: &str) -> Result<()> {
    sqlx::query(
        "insert into credentials (person, password_hash) values ($1, $2) \
         on conflict (person) do update set password_hash = excluded.password_hash",
    )
    .bind(person.0)
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_roles(connection: &mut PgConnection, person: UserId, roles: &[Role]) -> Result<()> {
    let words = roles.iter().map(|role| word("role", role)).collect::<Result<Vec<_>>>()?;
    sqlx::query("insert into person_roles (person, role) select $1, unnest($2::text[]) on conflict do nothing")
        .bind(person.0)
        .bind(words)
        .execute(connection)
        .await?;
    Ok(())
}

fn person_from(row: &PgRow) -> Result<Person> {
    let roles: Vec<String> = row.try_get("roles")?;
    Ok(Person {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        full_name: row.try_get("full_name")?,
        roles: roles.into_iter().map(|role| from_word("role", role)).collect::<Result<_>>()?,
    })
}

fn unknown(person: UserId) -> Error {
    Error::NotFound { what: format!("person {person}") }
}
