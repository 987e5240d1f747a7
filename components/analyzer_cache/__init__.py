"""What Transform has analysed before of the films of a window."""
