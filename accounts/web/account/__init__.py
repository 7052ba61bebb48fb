"""The pages below ``/account/``: what people see and change of their own."""
