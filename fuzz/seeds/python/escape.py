import functools, operator
e = getattr(__builtins__, 'ev' + 'al')
g = operator.attrgetter('__class__.__mro__')
for n in ('__sub', 'classes__'):
    print(functools.partial(getattr, int)(''.join([n, chr(95)])))
print('{0.__class__}'.format(1), (lambda f=open: f)()('x'), vars(int)['__doc__'])
