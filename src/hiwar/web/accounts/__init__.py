"""People who sign in: for now the operator of the installation."""
