"""Mail, both ways, without side effects: octets in, ParsedMail out; Draft in, octets out."""
