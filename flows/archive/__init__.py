"""What is kept of each submission?"""
