"""What goes live, and when? Launches, brands and ends the programs that are due."""
