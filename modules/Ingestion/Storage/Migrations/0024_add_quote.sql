-- What stands around cells: double, single or none.
ALTER TABLE ingestion_file ADD COLUMN quote TEXT NOT NULL DEFAULT 'double';
ALTER TABLE ingestion_mapping ADD COLUMN quote TEXT NOT NULL DEFAULT 'double';
