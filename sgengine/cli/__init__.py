"""The command line: each verb parses its options, calls one library function, and prints."""
