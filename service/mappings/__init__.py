"""The mappings folder as frozen tables, validated when loaded; each loader answers for one kind of file."""
