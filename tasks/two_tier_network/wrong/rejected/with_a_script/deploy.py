import subprocess

subprocess.run(['terraform', 'apply'])
