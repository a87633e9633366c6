"""The agents' desk: use cases over ports. Knows no database and no web; decides who may do what, and with which trace."""
