"""What plugins say, and how it is found."""
