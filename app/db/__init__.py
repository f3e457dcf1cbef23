"""Database access: engine, schema types, prepared statements and the only writer.

Other packages use `schema` (Base and column types), `writer` (Database), `statements` (Statement) and `lookups`.
"""
