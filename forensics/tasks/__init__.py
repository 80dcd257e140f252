"""What runs inside a child, and what stands for it in the parent."""
