"""Tables of the revision 0001_initial as it was released. Later revisions change them, never this package."""
