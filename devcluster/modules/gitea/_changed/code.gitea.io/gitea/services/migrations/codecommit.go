package migrations

// Moving repositories here from other forges is left out.
