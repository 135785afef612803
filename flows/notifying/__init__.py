"""Who is told?"""
