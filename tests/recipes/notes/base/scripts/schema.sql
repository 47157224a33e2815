-- Run at every start: brings a new database, and one of any older release, to this release's schema.
CREATE DATABASE IF NOT EXISTS notes;
CREATE TABLE IF NOT EXISTS notes.notes (
  name VARCHAR(80) NOT NULL PRIMARY KEY,
  text VARCHAR(200) NOT NULL
) ENGINE=InnoDB;
