"""The mappings folder as frozen tables, validated when loaded: a loader per kind of file."""
