"""Import whole folders of logs: select what is new, remember what was done, report the results."""
