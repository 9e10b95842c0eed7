"""What makes a bare machine ready and keeps the stack up."""
