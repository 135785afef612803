"""What did the operator provide? businesses.yaml, the image gallery and the do-not-originate list."""
