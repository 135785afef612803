"""What goes live, and when?"""
