//! PostgreSQL: the private cluster, migrations, repositories, the COPY writer.
