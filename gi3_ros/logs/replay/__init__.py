"""A recorded session, decided anew by what is decided today."""
