"""Tables of the SQLite view. A change of them raises VERSION; nothing is migrated, it is rebuilt."""

from __future__ import annotations

#: "seal" in ASCII, in the database header: only such a file is ever replaced
APPLICATION_ID = 0x7365616C
VERSION = 1

SCHEMA = """
CREATE TABLE bags (
  bag TEXT PRIMARY KEY, format TEXT, "case" TEXT, exhibit TEXT, examiner TEXT, host TEXT, opened TEXT,
  profile TEXT, lines INTEGER NOT NULL, seal_sha256 TEXT, folder TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE sources (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, uri TEXT, kind TEXT, claims TEXT,
  PRIMARY KEY (bag, seq)
) WITHOUT ROWID;
CREATE TABLE volumes (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, volume TEXT NOT NULL, volume_id TEXT, fs TEXT,
  mount TEXT, "offset" INTEGER, size INTEGER, label TEXT, state TEXT, code TEXT, detail TEXT,
  PRIMARY KEY (bag, seq)
) WITHOUT ROWID;
-- times are RFC 3339 UTC with nine digits: they sort as text; replaced_by names the line that counts instead
CREATE TABLE artefacts (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, source TEXT, volume TEXT, path TEXT NOT NULL, stream TEXT, type TEXT,
  state TEXT, size INTEGER, sha256 TEXT, outcome TEXT NOT NULL, code TEXT, detail TEXT, m TEXT, a TEXT, c TEXT,
  b TEXT, address TEXT, owner TEXT, mode INTEGER, nlink INTEGER, target TEXT, method TEXT, same_as INTEGER,
  again INTEGER, raw BLOB, flags TEXT NOT NULL, replaced_by INTEGER,
  PRIMARY KEY (bag, seq)
) WITHOUT ROWID;
CREATE TABLE why (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (bag, seq, rule)
) WITHOUT ROWID;
CREATE TABLE rules (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, rule TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
  PRIMARY KEY (bag, seq)
) WITHOUT ROWID;
CREATE TABLE gaps (
  bag TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL, outcome TEXT, code TEXT,
  detail TEXT, PRIMARY KEY (bag, seq)
) WITHOUT ROWID;
CREATE INDEX artefacts_sha256 ON artefacts (sha256);
CREATE INDEX artefacts_path ON artefacts (path);
CREATE INDEX why_rule ON why (rule);
"""
