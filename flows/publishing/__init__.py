"""What is shown?"""
