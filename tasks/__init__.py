"""Steps: Prefect tasks; what each opens, retries and times out."""
