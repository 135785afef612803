"""What has the operator provided?"""
