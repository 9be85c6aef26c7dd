"""What a person sees: tables on stdout, bars and notes on stderr."""
