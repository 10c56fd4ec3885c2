"""What Alembic runs to migrate: always on the connection that `database.migrate` hands over."""

from alembic import context

from flowfile_core.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
