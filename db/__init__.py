"""What is kept: the engine, the tables, the migrations."""
