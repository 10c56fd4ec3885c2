"""Ten TPC-H queries: their data, the hand-written Polars and the SQL they are checked against."""
